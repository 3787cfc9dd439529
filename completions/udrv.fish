# Completion of udrv for fish. `udrv completion fish` prints it with the grammar of the command line.

# Sets what may follow on the path of commands $argv: commands and options with their descriptions, the options that take
# a value with its kind (one that takes it behind `=` alone ends in `=`), the kinds of the arguments, and whether the last
# one repeats.
function __udrv_grammar --no-scope-shadowing
    set commands
    set options
    set valued
    set kinds
    set arguments
    set repeats
GLOBALS
    switch "$argv"
COMMANDS
    end
end

function __udrv_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -l program (string replace -r '^~/' "$HOME/" -- $words[1])
    set -e words[1]
    set -l path
    set -l position 1
    set -l literal
    set -l option
    set -l commands
    set -l options
    set -l valued
    set -l kinds
    set -l arguments
    set -l repeats

    __udrv_grammar
    for word in $words
        if test -n "$option"
            set option
        else if test -z "$literal"; and test "$word" = --
            set literal 1
        else if test -z "$literal"; and string match -q -- '-?*' $word
            contains -- $word $valued; and set option $word
        else if test $position -eq 1; and set -q commands[1]
            test "$word" = help; and continue
            set -a path $word
            __udrv_grammar $path
        else
            set position (math $position + 1)
        end
    end

    set -l kind
    set -l before
    if test -n "$option"
        set kind $kinds[(contains -i -- $option $valued)]
    else if test -z "$literal"; and string match -q -- '--*=*' $current
        set -l given (string split -m 1 = -- $current)
        set before "$given[1]="
        set current $given[2]
        set -l at (contains -i -- $given[1] $valued; or contains -i -- $before $valued)
        and set kind $kinds[$at]
    else if test -z "$literal"; and string match -q -- '-*' $current
        printf '%s\n' $options
    else if test $position -eq 1; and set -q commands[1]
        printf '%s\n' $commands
    else if set -q arguments[$position]
        set kind $arguments[$position]
    else if test -n "$repeats"
        set kind $arguments[-1]
    end

    switch "$kind"
        case '' :none
        case :file
            __fish_complete_path $current | string replace -r '^' -- "$before"
        case :directory
            __fish_complete_directories $current | string replace -r '^' -- "$before"
        case :data
            if string match -q '@*' -- $current
                __fish_complete_path (string sub -s 2 -- $current) | string replace -r '^' -- "$before@"
            end
        case :live
            # What the words before the cursor leave open: devices, regions, endpoints, drivers.
            command $program completion fish --line (string join \n -- $words | string collect) </dev/null 2>/dev/null
        case '*'
            string split ' ' -- $kind | string replace -r '^' -- "$before"
    end
end

complete -c udrv -f -a '(__udrv_complete)'
