# Read by the zsh that `drills shell` starts, as .zshrc of a folder of its own; the user's is read first.
#
# Before each command, and before each prompt, it tells the recorder so in the stream of what is printed, between marks
# that only the recorder knows, and that it takes out again.

ZDOTDIR=$__drills_home
[[ -r $ZDOTDIR/.zshrc ]] && . $ZDOTDIR/.zshrc
unset HISTFILE
unsetopt prompt_sp # what it prints before a prompt would count as printed by the command

__drills_tell() {
    emulate -L zsh
    local text=${2[1,8000]}
    text=${text//$'\n'/$'\x1e'}
    text=${text//[$'\a\e']/ }
    builtin printf '\e]7077;@MARK@;%s;%s\a' "$1" "$text" > /dev/tty
}

__drills_before() { __drills_tell S "${1:-$3}" }

__drills_after() {
    local __drills_status=$?
    __drills_tell E $__drills_status
    return $__drills_status
}

preexec_functions=(__drills_before $preexec_functions)
precmd_functions=(__drills_after $precmd_functions)
