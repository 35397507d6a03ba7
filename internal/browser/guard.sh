# Runs Chromium so that it cannot outlive whoever started it.
#
#   bash guard.sh DIR COMMAND ARGUMENT...
#
# COMMAND gets the file descriptors 3 and 4, over which it is driven, and becomes the
# leader of a process group of its own. Descriptor 5 is a pipe that the kernel closes
# when its writer dies, however it dies: then the whole group is killed. When COMMAND
# has ended, DIR is removed.

dir=$1
shift
set -m # every command in the background gets its own process group
trap '' PIPE

"$@" 5<&- &
browser=$!
exec 3<&- 4>&-
{
	cat <&5
	kill -KILL -- "-$browser"
} >/dev/null 2>&1 &
watch=$!

wait "$browser"
status=$?
kill -KILL -- "-$browser" "-$watch" 2>/dev/null
rm -rf "$dir"
exit "$status"
