# bash complete.bash FILE: prints what bash offers at the end of each line of its input, with the completion in FILE, and then a line END.
source "$1"
function=$(complete -p multiplex | sed 's/.*-F \([^ ]*\).*/\1/')
while IFS= read -r line; do
    COMP_LINE=$line COMP_POINT=${#line} COMPREPLY=()
    "$function"
    if ((${#COMPREPLY[@]} > 0)); then printf '%s\n' "${COMPREPLY[@]}"; fi
    echo END
done
