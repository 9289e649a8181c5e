/*
 * Lists the eBPF programs, maps and links that the kernel holds, a line each: `program 12 wb_send`. Nothing on standard
 * output means that there are none. With an argument it waits up to so many seconds for that: the kernel frees them a
 * little after their last owner has gone. Exit code 0 if there are none, 1 if some are left, 2 if it can't be known.
 */
#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static long bpf(int command, union bpf_attr *attributes)
{
	return syscall(SYS_bpf, command, attributes, sizeof(*attributes));
}

/* The name of a program or a map; links have none. Empty also for one that went away meanwhile. */
static void name_of(int by_id, __u32 id, char *name)
{
	union bpf_attr attributes;
	union {
		struct bpf_prog_info program;
		struct bpf_map_info map;
	} info;

	name[0] = 0;
	memset(&attributes, 0, sizeof(attributes));
	attributes.prog_id = id; /* the same place as map_id and link_id */
	long descriptor = bpf(by_id, &attributes);
	if (descriptor < 0)
		return;
	memset(&info, 0, sizeof(info));
	memset(&attributes, 0, sizeof(attributes));
	attributes.info.bpf_fd = (__u32)descriptor;
	attributes.info.info_len = by_id == BPF_PROG_GET_FD_BY_ID ? sizeof(info.program) : sizeof(info.map);
	attributes.info.info = (__u64)(unsigned long)&info;
	if (by_id != BPF_LINK_GET_FD_BY_ID && bpf(BPF_OBJ_GET_INFO_BY_FD, &attributes) == 0)
		strcpy(name, by_id == BPF_PROG_GET_FD_BY_ID ? info.program.name : info.map.name);
	close((int)descriptor);
}

/* How many there are of a kind; -1 on an error. */
static int list(const char *kind, int next, int by_id, FILE *output)
{
	union bpf_attr attributes;
	char name[BPF_OBJ_NAME_LEN];
	int count = 0;

	memset(&attributes, 0, sizeof(attributes));
	while (bpf(next, &attributes) == 0) {
		__u32 id = attributes.next_id;

		count++;
		if (output) {
			name_of(by_id, id, name);
			fprintf(output, "%s %u %s\n", kind, id, name);
		}
		memset(&attributes, 0, sizeof(attributes));
		attributes.start_id = id;
	}
	if (errno == ENOENT)
		return count;
	perror(kind);
	return -1;
}

static int list_all(FILE *output)
{
	int programs = list("program", BPF_PROG_GET_NEXT_ID, BPF_PROG_GET_FD_BY_ID, output);
	int maps = list("map", BPF_MAP_GET_NEXT_ID, BPF_MAP_GET_FD_BY_ID, output);
	int links = list("link", BPF_LINK_GET_NEXT_ID, BPF_LINK_GET_FD_BY_ID, output);

	return programs < 0 || maps < 0 || links < 0 ? -1 : programs + maps + links;
}

int main(int count, char **arguments)
{
	int looks = count > 1 ? atoi(arguments[1]) * 20 : 0;

	while (looks-- > 0 && list_all(NULL) > 0)
		usleep(50000);
	int left = list_all(stdout);
	return left < 0 ? 2 : left > 0;
}
