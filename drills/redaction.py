"""Takes secrets out of a command before it is written anywhere. Pure, but for reading what an inventory names.

What looks like one goes: passwords in addresses, values of options and variables that are called so, bearer tokens, and
whatever stands in the variables of the environment that the run's inventory uses. That is a net and no proof: what is
not to be read by others does not belong into a command.
"""

import os
import re
from collections.abc import Collection

from drills.rundir import RunDir

HIDDEN = "***"
_MIN = 4
"""Characters of a value that is worth hiding: shorter ones stand in every other text."""
_NAMED = (
    r"(?:[\w.-]*(?:password|passwd|passphrase|pwd|secret|token|api[-_]?key|access[-_]?key|private[-_]?key|credentials?|auth)"
    r"|(?:[\w.-]*_)?pass|(?-i:(?:[A-Z0-9_]+_)?KEY))"
)
_FIELD = r"(?:[\w.-]*(?:password|passwd|secret|token|api[-_]?key|credentials?))"
_VALUE = (
    r"""(?:(?:"(?:[^"\\]|\\.)*"|'[^']*'|"(?:[^"\\]|\\.)*$|'[^']*$|\\.|[^\s'"\\|;&<>()])"""
    r"""(?:"(?!\s)(?:[^"\\]|\\.)*"|'(?!\s)[^']*'|\\.|[^\s'"\\|;&<>()])*)"""
)
"""A word of a shell, of whatever quotes it is put together."""
_ONE = r"""(?:"(?:[^"\\]|\\.)*"|'[^']*'|[^\s'"|;&<>()]+)"""
"""A word within the quotes of something else."""
_WORDS = r"[^|;&]{0,1000}?"
"""What stands between a command and the option of it that is meant; bounded, as some commands have their name everywhere."""
_PATTERNS = tuple(re.compile(pattern, re.IGNORECASE) for pattern in (
    # By what it is called.
    rf"(?P<kept>(?<![\w.-]){_NAMED}=){_VALUE}",  # PGPASSWORD=x, ?token=x
    rf"(?P<kept>(?<![\w.-])--?{_NAMED}[=\s]\s*){_VALUE}",  # --password x
    rf"(?P<kept>\b(?:set\s+-\w+|setenv|configure\s+set)\s+{_NAMED}\s+){_VALUE}",  # of other shells, and of aws
    rf"(?P<kept>(?<![\w.-]){_FIELD}\s*[:=]\s+){_ONE}",  # password: x, password = x
    rf"(?P<kept>(?<![\w.-]){_FIELD}\s*:\s*){_ONE}",  # X-Api-Key:x
    rf"""(?P<kept>\\"{_FIELD}\\"\s*:\s*)\\"[^"\\]*\\\"""",  # {\"password\": \"x\"}
    rf"""(?P<kept>["']{_FIELD}["']\s*:\s*)(?:"(?:[^"\\]|\\.)*"|[^\s,}}]+)""",  # {"password": "x"}
    r"(?P<kept>\bauthorization\s*:\s*(?:[a-z-]+\s+)?)[^'\"]+",
    r"(?P<kept>\bcookie\s*:\s*)[^'\"]+",
    rf"(?P<kept>\b(?:bearer|basic)\s+){_ONE}",
    # By where it stands.
    r"(?P<kept>\b\w[\w+.-]{0,40}://[^\s/:@'\"]*:)[^\s/@'\"]+(?=@)",  # valkey://user:x@host
    r"(?P<kept>\bhttps?://)\w{16,}(?=@)",  # https://x@host
    rf"(?P<kept>\bauth2?\s+(?:\w+\s+(?=[^\s|;&]))?){_ONE}",  # AUTH x, AUTH user x
    rf"(?P<kept>\b(?:requirepass|masterauth|primaryauth|identified\s+(?:with\s+\S+\s+)?by|password(?!\s+for\b|\s+=))\s+){_ONE}",
    r"(?P<kept>\bpassword\s+for\s+[^=;|]{1,100}=\s*)[^;|\"]+",
    r"(?P<kept>\bacl\s+setuser\s[^|;&<>]{0,300}[<>])\S+",
    # Of commands that have names of their own for it.
    rf"(?P<kept>\b(?:redis|valkey|keydb)-cli\b{_WORDS}\s-a\s*){_VALUE}",
    rf"(?P<kept>\b(?:mysql\w*|mariadb\w*|sshpass|mongo\w*|rabbitmqadmin|cqlsh|sqlcmd)\b{_WORDS}\s-p\s?){_VALUE}",
    rf"(?P<kept>\b(?:docker|podman|helm|az|oc)(?:\s+[\w-]+)?\s+login\b{_WORDS}\s-p\s*){_VALUE}",
    rf"(?P<kept>\bldap\w+\b{_WORDS}\s-w\s*){_VALUE}",
    rf"(?P<kept>\bopenssl\b{_WORDS}\s(?:-k\s+|-pass\w*\s+(?:pass:)?)){_VALUE}",
    rf"(?P<kept>--from-literal[=\s]['\"]?[\w.-]+=){_VALUE}",
    rf"(?P<kept>\bvault\s+(?:login|(?:kv\s+(?:put|patch)|write)\s+\S+)\s+(?!\*)(?:[\w.-]+=)?){_VALUE}",
    rf"(?P<kept>\brabbitmqctl\s+(?:add_user|change_password)\s+\S+\s+){_VALUE}",
    rf"(?P<kept>\bhtpasswd\s+-\w*b\w*\s+\S+\s+\S+\s+){_VALUE}",
    rf"(?P<kept>\bcurl\b{_WORDS}\s(?:-\w*b|--cookie)\s+['\"]?[\w.-]+=){_VALUE}",
    rf"(?P<kept>\b(?:curl|etcdctl|http)\b{_WORDS}\s(?:-\w*[ua]|--(?:proxy-)?user)[\s=]*['\"]?[^\s:'\"]*:){_VALUE}",
    r"(?P<kept>\becho\s+(?:-\w+\s+)?)[^|;&]{1,1000}(?=\|\s*(?:sudo\s+-S|chpasswd|\w+[^|;&]{0,300}?\s--(?:password-)?stdin)\b)",
))  # fmt: skip


def redacted(command: str, secrets: Collection[str] = ()) -> str:
    """The command with `***` in the place of what looks like a secret, and of these."""
    for secret in sorted((one for one in secrets if len(one) >= _MIN), key=len, reverse=True):
        command = command.replace(secret, HIDDEN)
    for pattern in _PATTERNS:
        command = pattern.sub(lambda match: f"{match['kept']}{HIDDEN}", command)
    return command


def secrets_of(run: RunDir) -> set[str]:
    """What stands in the variables of the environment that the run's inventory names, and in those of the token."""
    try:
        text = (run.path / "inventory.yaml").read_text(encoding="utf-8")
    except OSError:
        text = ""
    names = {*re.findall(r"\$\{\s*env\.(\w+)\s*\}", text), "CHAOS_DRILLS_TOKEN"}
    return {os.environ[name] for name in names if os.environ.get(name)}
