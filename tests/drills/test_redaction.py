"""Secrets are taken out of commands, and nothing else is."""

from pathlib import Path

import pytest

from drills.redaction import redacted, secrets_of
from drills.rundir import RunDir

HIDDEN = """
mysql -h db -p opensesame shop | mysql -h db -p *** shop
mysql -popensesame shop | mysql -p*** shop
mysql --password=opensesame | mysql --password=***
mysqldump -u root -p'open sesame' shop | mysqldump -u root -p*** shop
tool --password "open sesame" --verbose | tool --password *** --verbose
tool --db-password opensesame | tool --db-password ***
tool -token opensesame | tool -token ***
PGPASSWORD=opensesame psql -h db | PGPASSWORD=*** psql -h db
export API_KEY=opensesame; ls | export API_KEY=***; ls
export AWS_SECRET_ACCESS_KEY='opensesame' | export AWS_SECRET_ACCESS_KEY=***
redis-cli -h x -a opensesame info | redis-cli -h x -a *** info
valkey-cli --pass opensesame info | valkey-cli --pass *** info
redis-cli AUTH opensesame | redis-cli AUTH ***
redis-cli auth lin opensesame | redis-cli auth lin ***
redis-cli config set requirepass opensesame | redis-cli config set requirepass ***
psql postgres://lin:opensesame@db/shop | psql postgres://lin:***@db/shop
curl http://:opensesame@x/ | curl http://:***@x/
curl -H "Authorization: Bearer opensesame" x | curl -H "Authorization: Bearer ***" x
curl -H 'Authorization: Basic b3BlbjpzZXNhbWU=' x | curl -H 'Authorization: Basic ***' x
curl -H 'X-Api-Key: opensesame' x | curl -H 'X-Api-Key: ***' x
curl -u lin:opensesame x | curl -u lin:*** x
curl "http://x/?token=opensesame&a=b" | curl "http://x/?token=***&a=b"
psql -c "alter user lin password 'opensesame'" | psql -c "alter user lin password ***"
sshpass -p opensesame ssh x | sshpass -p *** ssh x
kubectl create secret generic x --from-literal=password=opensesame | kubectl create secret generic x --from-literal=password=***
kubectl create secret generic x --from-literal=any='opensesame' | kubectl create secret generic x --from-literal=any=***
curl -su lin:opensesame x | curl -su lin:*** x
curl -H "Authorization: opensesame" x | curl -H "Authorization: ***" x
curl -H 'Cookie: session=opensesame' x | curl -H 'Cookie: ***' x
curl -d '{"password": "opensesame", "a": 1}' x | curl -d '{"password": ***, "a": 1}' x
curl -d "{\\"token\\":\\"opensesame\\"}" x | curl -d "{\\"token\\":***}" x
DB_PASS=opensesame ./run | DB_PASS=*** ./run
export SIGNING_KEY=opensesame | export SIGNING_KEY=***
PGPASSWORD=open"sesame one"\\ two psql | PGPASSWORD=*** psql
PGPASSWORD="opensesame | PGPASSWORD=***
redis-cli -aopensesame info | redis-cli -a*** info
redis-cli acl setuser lin on '>opensesame' ~* | redis-cli acl setuser lin on '>*** ~*
docker login -u lin -p opensesame x | docker login -u lin -p *** x
mysql -e "create user lin identified with x by 'opensesame'" | mysql -e "create user lin identified with x by ***"
mysql -e "set password for lin = 'opensesame'" | mysql -e "set password for lin = ***"
openssl rsa -passin pass:opensesame | openssl rsa -passin pass:***
ldapsearch -D lin -w opensesame | ldapsearch -D lin -w ***
vault kv put secret/x any=opensesame | vault kv put secret/x any=***
rabbitmqctl add_user lin opensesame | rabbitmqctl add_user lin ***
setenv TOKEN opensesame | setenv TOKEN ***
"""

KEPT = """
ls -la /tmp
kubectl -n prod get secret x
kubectl get pods -l app=auth
redis-cli -h x -p 6379 info
redis-cli --scan -a
ps -p 12
mkdir -p a/b
cat /etc/passwd
curl http://127.0.0.1:8080/a@b
git log --author lin
ssh lin@host
psql -c "select token from sessions"
kubectl get pods -l key=value
sort --key=2 x
redis-cli config get requirepass
vault kv get secret/x
curl -b cookies.txt x
docker run -p 80:80 x
ssh-keygen -t ed25519
echo authorise the change
drills act --change c2
"""


@pytest.mark.parametrize("line", [one for one in HIDDEN.splitlines() if one])
def test_a_secret_is_taken_out(line: str) -> None:
    command, wanted = line.split(" | ")

    assert redacted(command) == wanted
    assert redacted(wanted) == wanted, "once is enough"


@pytest.mark.parametrize("command", [one for one in KEPT.splitlines() if one])
def test_all_else_stays(command: str) -> None:
    assert redacted(command) == command


def test_what_is_known_to_be_secret_goes_wherever_it_stands() -> None:
    assert redacted("echo hunter22|tool hunter2", {"hunter22", "hunter2", "ec"}) == "echo ***|tool ***"


def test_the_secrets_of_a_run_are_those_that_its_inventory_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DB_PASSWORD", "hunter22")
    monkeypatch.setenv("OTHER", "not one")
    monkeypatch.setenv("CHAOS_DRILLS_TOKEN", "lin-knows-this")
    monkeypatch.delenv("GONE", raising=False)
    (tmp_path / "inventory.yaml").write_text("a: ${env.DB_PASSWORD}\nb: ${ env.GONE }\n", encoding="utf-8")

    assert secrets_of(RunDir(tmp_path)) == {"hunter22", "lin-knows-this"}
    assert secrets_of(RunDir(tmp_path / "nowhere")) == {"lin-knows-this"}


@pytest.mark.parametrize(
    "command",
    [
        "a" * 4000,
        "--password " * 300,
        "curl " * 800,
        "mysql " * 600,
        "x:" * 2000,
        "'" * 4000,
        "a.-" * 2600,
        "docker login " * 600,
        "curl -u" * 1100,
        "\\" * 8000,
        "set -a " * 1100,
    ],
)
def test_no_command_takes_long(command: str) -> None:
    """None of the patterns looks at the same text again and again: this would hang otherwise."""
    assert redacted(command)
