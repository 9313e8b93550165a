# Ends process groups when the program that has started them is gone. Its standard input is a pipe from that program:
# `+ MARK GROUP` names a group to watch (GROUP may be missing at first), `- MARK` one that has ended. The end of the
# input is the end of the program.
trap '' HUP INT QUIT TERM
all=
while read -r sign mark group; do
  rest=
  for entry in $all; do
    case $entry in
      "$mark"/*) ;;
      *) rest="$rest $entry" ;;
    esac
  done
  all=$rest
  case $sign in
    +) all="$all $mark/$group" ;;
  esac
done
[ -n "$all" ] || exit 0

# Finds the environments in which a variable is. The `grep` of busybox does not look past a zero byte.
marked() {
  if printf 'a\0b\n' | grep -qF b; then
    grep -lsF "$1" /proc/[0-9]*/environ
  else
    for file in /proc/[0-9]*/environ; do
      tr '\0' '\n' <"$file" | grep -qF "$1" && echo "$file"
    done
  fi
}

# Sends a signal to the groups, and on Linux to all that have their marks in their environment.
end() {
  for entry in $all; do
    group=${entry#*/}
    [ -z "$group" ] || kill "-$1" "-$group"
    for file in $(marked "${entry%%/*}=1"); do
      file=${file#/proc/}
      kill "-$1" "${file%%/*}"
    done
  done
}
end TERM
sleep .5 || sleep 1
end KILL
