"""The catalogue of messages: what each name in square brackets means, its usual causes and its cures."""

from drills.errors import choices, mistake

MESSAGES: dict[str, str] = {
    # how a file is written
    "no-file": "The file is not there, or cannot be read. Paths in a drill count from the drill's own folder.",
    "empty-file": "The file holds nothing but blanks and comments. A drill begins with `drill: NAME`.",
    "not-utf8": "The file is not UTF-8 text. Save it as UTF-8; an editor may call its present form Latin-1 or GBK.",
    "too-large": "The file, or what its aliases grow to, is larger than any drill. Aliases of aliases grow very fast.",
    "too-deep": "Tables and lists stand in each other deeper than anything in a drill can. A bracket may be missing.",
    "tab": "A tab stands where YAML allows blanks only. Set the editor to indent YAML with blanks.",
    "yaml-syntax": "The text is no YAML from this place on. The cause is often on the line before: a quote, a bracket, a colon.",
    "needs-quotes": "The text begins with a character that means something to YAML. Put the whole text in double quotes.",
    "not-closed": "A quote or bracket opens here and is not closed, or a comma between two entries is missing.",
    "misplaced-colon": "A colon makes a setting where none can be. Texts with `: ` in them go in quotes; each setting has its own line.",
    "no-colon": "A line stands among settings and sets nothing. Write `name: value`, with a blank after the colon.",
    "no-blank": "After the colon of a setting YAML wants a blank. Without it the whole word is read as one text.",
    "indentation": "The line is not indented as its neighbours, so it belongs to none of them. Count the blanks.",
    "misplaced-list": "A `-` begins a list in the middle of a line. Begin the list on a line of its own.",
    "bad-escape": "In double quotes a backslash begins an escape such as \\n. Write it twice, or use single quotes.",
    "bad-character": "The file holds a character that cannot be in YAML, such as a control character. Delete it.",
    "second-document": "A file holds one document, and `---` begins another here. Make two files of it.",
    "no-tags": "Tags such as `!!python/object` have no meaning here and are never obeyed. Leave the tag out.",
    "unknown-alias": "An alias `*name` stands for what `&name` marked before it. Nothing above has that mark.",
    "endless-alias": "An alias stands inside the very thing it stands for, which never ends. Take it out.",
    "bad-merge": "The key `<<` takes in the settings of a table, or of a list of tables, and this is neither.",
    "duplicate-setting": "The same name is set twice in one table. One of the two would have been ignored; take it away.",
    "bad-name": "A name must be a text, and this is a list, a table or empty. A `{` in front may be too many.",
    # what a setting may be
    "unknown-setting": "No setting has this name here. It is often a slip of the pen, or a setting that belongs one level up or down.",
    "missing-setting": "A setting that has no default is not there. The message says where it belongs.",
    "setting-conflict": "Each setting is right by itself, and together they are not. The message says which to change.",
    "wrong-shape": "A table, a list or a text stands where another of the three is needed. The message shows the form.",
    "empty-value": "The setting is named and has no value. Give it one, or leave the name out to have the default.",
    "missing-unit": "A number stands where its unit decides what it means. Write 250ms, 5s, 2m or 1h.",
    "bad-duration": "The text is no duration. Durations are numbers with units, joined without blanks: 1m30s.",
    "bad-share": "The text is no share. Shares are written in percent, from 0% to 100%: 99.9%.",
    "bad-number": "The text is no number as needed here. Leading zeros, `_` and exponents are refused, since people read them differently.",
    "bad-switch": "The setting is a switch, and the text is neither yes nor no. Write true or false.",
    "bad-choice": "The setting takes one of a few words, and this is none of them. The message lists them.",
    "bad-limit": "The text is no limit. Limits are a sign and a figure with its unit, in quotes: \">= 99.9%\".",
    "bad-value": "The value does not have the form that is needed. The message says which form that is.",
    "unknown-language": "Texts are written in `en` or `zh`. Leave other languages out.",
    "unknown-variable": "Nothing here is called `${that}`. To write the characters themselves, double the dollar: $${that}.",
    "bad-variable": "A `${` is not closed or holds no name. To write the characters themselves, double the dollar.",
    "too-slow": "In the time given a probe looks too rarely for the least number of looks that a verdict needs.",
    # what names what
    "unknown-kind": "No fault, probe, check, engine or address is called so. A plugin that brings it may not be installed here.",
    "nobody-listens": "A check or a fault waits for alerts, and the inventory names nobody to listen to. Give it `observers`.",
    "alert-foreseen": "By the files under `alerting` an expectation of alerts cannot be met, or may not be. Change it, the rule or the route.",
    "refused-by-tool": "promtool or amtool says that a file under `alerting` is wrong. Prometheus or Alertmanager would not load it either.",
    "two-of-a-name": "A target and a link have the same name, so that nobody could say which one a fault means. Rename one of the two.",
    "two-kinds": "An entry is one fault, probe or check, and this one names two kinds. Write two entries.",
    "duplicate-id": "Two entries have the same id, so checks could not say which one they mean. Rename one.",
    "unknown-probe": "A check, condition or guard rail names a probe that the drill does not have under `probes`.",
    "unknown-fault": "A check or condition names a fault that the drill does not have. It goes by the fault's `id`.",
    "unknown-target": "A fault or probe names a target that the inventory does not have. Drills use the inventory's names, not addresses.",
    "no-address": "The target is known, but not how to reach it in this way. Give it that address in the inventory.",
    "unknown-process": "The inventory or the lab names a process that the lab file does not have under `processes`.",
    "not-installed": "A process of the lab needs a program that is not on PATH, and no other process stands in for it. Install it.",
    "unknown-event": "A rule of a SOP names what is neither among its `events`, nor a kind of act, nor a moment that a run knows by itself.",
    "unknown-act": "An act of the cast comes after, or goes on until, what is neither an act nor a fault of the drill. Acts go by their ids.",
    "role-not-theirs": "The inventory keeps this role for others. An act of the cast gives it to somebody whose it is not.",
    "cast-in-person": "The cast would act in the name of somebody who takes part with a token. What is scripted must not pass for a person.",
    "cast-outside-lab": "The cast runs commands only in a lab, which is thrown away afterwards; elsewhere nobody could take them back.",
    "unknown-role": "A SOP, or the `holds` of a drill's check, names a role that the SOP does not have under `roles`.",
    "unknown-state": "A rule of a SOP names a state that the SOP does not have under `states`.",
    "gate-on-words": "A gate takes points from the whole score, and what people write may mean anything. Texts advise; acts and observations decide.",
    "waits-for-itself": "Processes of a lab, or faults of a drill, wait for each other in a circle, so none could ever begin.",
    "cannot-serve": "Links of the inventory want what one server of an engine cannot be, such as two proxies of one name or at one port.",
    "no-port": "A lab needs free ports of this host, and all of those that it may take are held by somebody.",
    "no-lab": "The inventory names a process of a lab, and the drill has no `lab:`. Say where the process is instead.",
    "unknown-rubric": "There is neither a rubric of ours of this name nor a file of this name beside the drill.",
    # what a plan may do
    "environment-not-allowed": "The inventory describes an environment in which the drill may not run. Only its author should change that.",
    "too-many-targets": "The drill would touch more than `safety.max_targets`. A pattern may match more than was meant.",
    "too-long": "The faults would be there for longer than `safety.max_duration`. Shorten them, or allow more.",
    "never-in-time": "A fault waits for another one, and its deadline is over before that one can have begun. It would never come.",
    "no-target": "The fault would be done to nothing: no such thing is there now. A drill that breaks nothing proves nothing.",
    "no-undo": "Nobody would know how to take the fault back. Say in the inventory how the target is started again.",
    "cannot-inject": "The engine says that this cannot be done to this target. The message gives its reason.",
    "overlap": "Another run is under way and touches the same thing. What either of them measures would be worth nothing.",
    "leftovers": "An earlier run died or could not heal everything. Heal it before anything new is broken.",
    # runs, reports, the command line
    "unknown-run": "No run of this name is kept here. Runs are looked for in ./runs, or where --runs says, and among open ones.",
    "ambiguous-run": "More than one run is meant by this. Use the whole id, or the run's directory.",
    "act-refused": "Something that was said to be done was not taken down, for the reason given. It stands in the journal as refused.",
    "act-not-taken": "The run did not take down what was done: it has ended, or belongs to another user. It counts for nothing.",
    "under-way": "The run has not ended yet, so what can be said of it would change. Wait, or end it with drills abort.",
    "review-form": "The review is not of the form that can be read: settings in front, known headings. A new draft shows it.",
    "not-reviewed": "What was grave is reviewed while people remember: within 3 days for P0 and SEV1, 5 working days for P1 and SEV2.",
    "names-blame": "A person is named where fault is found. Who fears for themselves tells nothing; ask what made it possible.",
    "no-cause": "A review asks why at least three times, and says whether code, config, capacity or something external was behind it.",
    "no-lesson": "A review answers two questions: how it could have been prevented, and how it could have been found faster.",
    "vague-item": "An action item says what, who and until when, and whether that is soon. What is missing among the monitors is one.",
    "unproven-item": "An action item names the test or the drill that will show that it is done, and is closed by its due date.",
    "not-kept": "What was learnt stands on a page that the alert's runbook leads to, so that the next one on call finds it.",
    "wrong-organiser": "Reviews of what was grave are organised by the third line, who can see to it that something changes.",
    "unknown-shell": "`drills shell` records bash and zsh. Name one of the two with --shell, or do each act with `drills act -- COMMAND`.",
    "journal-edited": "A run's journal is a chain of lines that begins with the digests of its drill and rubric. One of "
    "these was changed afterwards, so the run is not judged.",
    "journal-format": "The journal was written by another version whose form this one does not read. Use that version.",
    "unknown-report": "There is no report of this name. `drills report --format` takes one of those listed.",
    "bad-set": "`--set` takes CHECK.SETTING=VALUE, as in failover.within=3s, for a check that the drill has.",
    "usage": "The command was called in a way it cannot be. `drills COMMAND --help` shows how.",
    "unknown-message": "No message has this name. `drills explain` lists all of them.",
    "shadowed-package": "Another distribution brought a package of the same name as one of ours. Give chaos-drills its own environment.",
    "plugin-broken": "An installed plugin cannot be loaded or lacks what its contract asks for. Mend or uninstall it.",
    "plugin-clash": "A plugin took a name that is taken. Two things of one name would make drills mean different things.",
}  # fmt: skip
"""By slug. A house test holds that every slug used in the code is explained here, and no other."""


def explain(slug: str | None) -> str:
    """One message explained, or the names of all. Raises DrillError when there is none of that name."""
    if slug is None:
        return "\n".join(f"{name:<24} {text.split('. ')[0].rstrip('.')}" for name, text in MESSAGES.items())
    name = slug.strip("[]")
    if name not in MESSAGES:
        raise mistake(
            slug, f"no message is called `{name}`", choices(name, sorted(MESSAGES), "messages"), "unknown-message"
        )
    return f"{name}\n\n  {MESSAGES[name]}"
