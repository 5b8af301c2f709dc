# zsh -f complete.zsh FOLDER: prints what zsh offers at the end of each line of its input, with the completions of FOLDER, and then a line END.
zmodload zsh/zpty
typeset -a lines=("${(@f)$(cat)}")
export ZDOTDIR=$(mktemp -d) FOLDER=$1
trap 'rm -r $ZDOTDIR' EXIT
# A shell of its own, set up before it reads anything: a key that is typed before the line editor has the terminal may be lost.
cat >$ZDOTDIR/.zshrc <<'SETUP'
PS1= fpath=($FOLDER $fpath)
setopt no_beep
stty -echo cols 1000 rows 1000
LISTMAX=10000   # else a long list is asked about, and the next key is the answer
autoload -U compinit
compinit -u -d $ZDOTDIR/dump
compadd() {
  if [[ ${@[1,(i)(-|--)]} != *-(O|A|D)\ * ]]; then
    local -a offered
    builtin compadd -A offered "$@"
    print -l -- OFFER:${^offered}
  fi
  builtin compadd "$@"
}
complete-and-clear() { zle complete-word; BUFFER=; print; print DONE }
zle -N complete-and-clear
bindkey '^I' complete-and-clear
zle-line-init() { print READY }
zle -N zle-line-init
SETUP
zpty shell zsh --no-globalrcs -i
while zpty -r shell line; do [[ $line == *READY* ]] && break; done
for text in $lines; do
  zpty -w -n shell $text$'\t'
  while zpty -r shell line && [[ $line != *DONE* ]]; do
    if [[ $line == *OFFER:* ]]; then print -r -- ${${line##*OFFER:}%%$'\r'*}; fi
  done
  print END
done
