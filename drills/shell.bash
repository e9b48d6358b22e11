# Read by the bash that `drills shell` starts, in the place of ~/.bashrc, which it reads first.
#
# Before each command, and before each prompt, it tells the recorder so in the stream of what is printed, between marks
# that only the recorder knows, and that it takes out again. The text comes from the history, so that has to hold every
# line; therefore this shell keeps its history to itself and writes none of it to the user's file.

[[ -r ~/.bashrc ]] && . ~/.bashrc

HISTCONTROL= HISTIGNORE=
[[ -n ${HISTFILE-} && -r $HISTFILE ]] && builtin history -r "$HISTFILE"
unset HISTFILE
[[ ${HISTSIZE-500} == 0 ]] && HISTSIZE=500
set -o history

__drills_entry() { # the last line of the history, its number first
    local line
    line=$(HISTTIMEFORMAT= builtin history 1)
    line=${line#"${line%%[![:space:]]*}"}
    __drills_number=${line%%[!0-9]*}
    __drills_text=${line#"$__drills_number"}
    __drills_text=${__drills_text:2}
}

__drills_tell() {
    local text=${2:0:8000}
    text=${text//$'\n'/$'\x1e'}
    text=${text//[$'\a\e']/ }
    builtin printf '\e]7077;@MARK@;%s;%s\a' "$1" "$text" > /dev/tty
}

__drills_before() { # runs in a subshell; a line that the history did not take is told without its text
    __drills_entry
    [[ $__drills_number == "${__drills_last-}" ]] && __drills_text=
    __drills_tell S "$__drills_text"
}

__drills_after() {
    local status=$?
    __drills_entry
    __drills_last=$__drills_number
    __drills_tell E "$status"
    [[ ${PS0-} == *__drills_before* ]] || PS0='$(__drills_before)'${PS0-}
    return $status
}

if [[ "$(declare -p PROMPT_COMMAND 2> /dev/null)" == "declare -a"* ]]; then
    PROMPT_COMMAND=(__drills_after "${PROMPT_COMMAND[@]}")
else
    PROMPT_COMMAND="__drills_after${PROMPT_COMMAND:+; $PROMPT_COMMAND}"
fi
