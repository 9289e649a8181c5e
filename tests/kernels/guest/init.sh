#!/bin/busybox sh
# The first process of the guest: prepares what a system usually has, runs /steps, sends /results as one archive over the
# second serial port, says a last line on the first one, and powers off. A guest that does not say it has failed.
/bin/busybox mkdir -p /proc /sys /dev /tmp /run /root /results /bin /sbin
/bin/busybox --install -s /bin
export PATH=/bin HOME=/root LC_ALL=C.UTF-8 NO_COLOR=1

mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev 2>/dev/null
mount -t tmpfs -o mode=0755 tmpfs /run
mount -t tmpfs -o mode=1777 tmpfs /tmp
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mount -t tracefs tracefs /sys/kernel/tracing
mount -t debugfs debugfs /sys/kernel/debug
ulimit -n 65536

for module in /modules/*.ko; do
	insmod "$module" || echo "insmod $module failed"
done
ip link set lo up

# step NAME COMMAND…: leaves NAME.out, NAME.err and NAME.code in /results.
step() {
	name=$1
	shift
	"$@" >"/results/$name.out" 2>"/results/$name.err" </dev/null
	code=$?
	echo "$code" >"/results/$name.code"
	echo "step $name: exit code $code after $(cut -d' ' -f1 /proc/uptime) s"
}

# until_line FILE WORD PID: waits for a line with the word, or for the end of the process.
until_line() {
	until grep -q "$2" "$1" 2>/dev/null || ! kill -0 "$3" 2>/dev/null; do
		usleep 200000 # each look is a process, and processes are slow here
	done
}

# watched NAME "FLAGS" TRAFFIC…: runs the traffic while `wb monitor` watches. What is to be older than the capture begins
# before it, what is to outlive it ends after it. Leaves the monitor's stream in NAME.out, NAME.err and NAME.code, what the
# traffic counted in NAME.truth, and what is left of the monitor afterwards in NAME.left.
watched() {
	name=$1
	flags=$2
	shift 2
	mkfifo /tmp/go
	wb-traffic "$@" --go </tmp/go >"/results/$name.truth" &
	traffic=$!
	exec 3>/tmp/go
	until_line "/results/$name.truth" '"prepared"' $traffic
	wb monitor --jsonl --no-history --no-dns --interval 3s $flags >"/results/$name.out" 2>"/results/$name.err" </dev/null 3>&- &
	monitor=$!
	# After the first sample everything is seen.
	until_line "/results/$name.out" '"type":"totals"' $monitor
	if kill -0 $monitor 2>/dev/null; then
		echo go >&3
		until_line "/results/$name.truth" '"ran"' $traffic
		kill -INT $monitor 2>/dev/null
	else
		kill $traffic
	fi
	wait $monitor
	code=$?
	echo go >&3 2>/dev/null
	exec 3>&-
	wait $traffic
	rm /tmp/go
	echo "$code" >"/results/$name.code"
	{
		bpf-objects 10
		find /run/wirebound -mindepth 1 2>/dev/null
		ps -o pid,args | grep '[w]b helper'
	} >"/results/$name.left" 2>&1
	echo "watched $name: exit code $code after $(cut -d' ' -f1 /proc/uptime) s"
}

. /steps
dmesg >/results/dmesg.out

stty -F /dev/ttyS1 raw
tar -c -z -C /results . >/dev/ttyS1
echo "results sent after $(cut -d' ' -f1 /proc/uptime) s"
echo wirebound-guest-done
poweroff -f
