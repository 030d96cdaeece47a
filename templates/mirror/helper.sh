# The container's end of a mirror: sh -c THIS devenv-mirror FOLDER TOKEN
# Needs sh, tar, head and mv, and nothing that is installed for it.
#
# The other end writes one line, `read` takes it byte by byte, `eval` runs it, and what the line reads from the input
# follows right behind it. Each line is answered by one: `TOKEN ok` or `TOKEN error`; what commands complained of stands
# before it. After an error there is no telling what the rest of the input is, so that is the end. Nothing appears half-written: all is written in $stage first, which is in the same file system, and renamed.
exec 2>&1
umask 022
nl='
'
token=$2
say() { printf '%s %s\n' "$token" "$1"; }
for tool in tar head mv rm mkdir rmdir ln chmod; do
  command -v "$tool" >/dev/null || { echo "there is no $tool in this image"; say missing; exit 1; }
done
cd -- "$1" || { say error; exit 1; }
# When a process of this container began: containers before this one had processes of the same numbers.
began() { { IFS= read -r stat <"/proc/$1/stat"; } 2>/dev/null && set -- ${stat##*) } && echo "${20}"; }
for old in .devenv/mirror-*; do
  helper=${old#.devenv/mirror-}
  [ ! -d "$old" ] || [ "$helper" = "${helper%%-*}-$(began "${helper%%-*}")" ] || rm -rf "$old"
done
stage=$PWD/.devenv/mirror-$$-$(began $$)
mkdir -p "$stage" || { say error; exit 1; }
trap 'rm -rf "$stage"' EXIT
trap 'exit 0' TERM HUP INT

# Takes exactly this many bytes from the input. Some `head` reads ahead, and what it has read is lost.
if [ "$(printf abcdef | { head -c 3 >/dev/null; cat; })" = def ]; then
  take() { head -c "$1"; }
else
  take() {
    [ "$1" -lt 65536 ] || dd bs=65536 count=$(($1 / 65536)) iflag=fullblock 2>/dev/null
    [ $(($1 % 65536)) -eq 0 ] || dd bs=$(($1 % 65536)) count=1 iflag=fullblock 2>/dev/null
  }
fi

# Removes folders that are empty; what is left in another does not belong to the mirror.
drop() { rmdir -- "$@" 2>/dev/null; :; }

# Says whether one of these paths may have been written since the call before the last one: the clock of files stands
# still for some milliseconds, and what is written meanwhile is seen at the next call.
turn=a
fresh() {
  case $turn in a) turn=b ;; *) turn=a ;; esac
  if [ -e "$stage/asked-$turn" ] && command -v find >/dev/null; then
    mv -f "$stage/asked-$turn" "$stage/asked"
    : >"$stage/asked-$turn"
    for written do
      [ ! -e "$written" ] && [ ! -h "$written" ] || [ -z "$(find "$written" -newer "$stage/asked" | head -n 1)" ] || say fresh
    done
  else
    : >"$stage/asked-$turn"
    say fresh
  fi
}

say ok
while IFS= read -r line; do
  eval "$line" || { say error; exit 1; }
  say ok
done
