/* SPDX-License-Identifier: GPL-2.0 */
/* The events ring buffer: processes that begin, become another program and end, and changes of a connection's state. */
#ifndef WIREBOUND_PROCESS_H
#define WIREBOUND_PROCESS_H

#include "account.h"

#define WB_EXEC_TEXT_SMALL 448	/* most names and arguments fit; others get a record of the full size */
#define WB_EXEC_TEXT_MAX (WB_FILENAME_MAX + WB_ARGUMENTS_MAX)

static __always_inline void *reserve(__u64 size)
{
	void *record = bpf_ringbuf_reserve(&wb_events, size, 0);

	if (!record)
		ADD_LOSS(events_full, 1);
	return record;
}

static __always_inline void describe(struct wb_event *event, __u16 type, __u16 size, struct task_struct *leader)
{
	event->type = type;
	event->size = size;
	event->time_ns = bpf_ktime_get_boot_ns();
	event->tgid = BPF_CORE_READ(leader, tgid);
	event->start_ns = BPF_CORE_READ(leader, start_boottime);
	event->parent_tgid = BPF_CORE_READ(leader, real_parent, tgid);
	event->parent_start_ns = BPF_CORE_READ(leader, real_parent, group_leader, start_boottime);
	event->uid = BPF_CORE_READ(leader, real_cred, uid.val);
}

/* `text_max`: what was reserved for the texts. The record says how much of it is used. */
static __always_inline void fill_exec(struct wb_exec *exec, __u32 text_max, struct task_struct *task,
				      struct linux_binprm *bprm, __u64 start, __u64 length)
{
	char *text = (char *)(exec + 1);
	long name;
	__u32 room;
	__u64 last;

	describe(&exec->event, WB_EXEC, sizeof(*exec), BPF_CORE_READ(task, group_leader));
	bpf_core_read_str(&exec->comm, sizeof(exec->comm), &task->comm);
	exec->arguments_length = length;
	exec->arguments_size = 0;
	name = bpf_probe_read_kernel_str(text, WB_FILENAME_MAX, BPF_CORE_READ(bprm, interp));
	if (name < 1 || name > WB_FILENAME_MAX)
		name = 0;
	exec->filename_size = name;
	exec->event.size = sizeof(*exec) + name;
	room = text_max - WB_FILENAME_MAX;
	last = (length < room ? length : room) - 1ULL;
	barrier_var(last);	/* the verifier has to see the bound, which the compiler knows to hold */
	if (last >= WB_ARGUMENTS_MAX)
		return;	/* no arguments at all */
	name &= 2 * WB_FILENAME_MAX - 1;
	if (name > WB_FILENAME_MAX)
		return;
	if (bpf_probe_read_user(text + name, last + 1, (const void *)start) == 0)
		exec->arguments_size = last + 1;
	exec->event.size = sizeof(*exec) + exec->filename_size + exec->arguments_size;
}

/* The arguments are read from the new program's memory, where exec has just put them. */
SEC("raw_tp/sched_process_exec")
int tp_exec(struct bpf_raw_tracepoint_args *ctx)
{
	struct task_struct *task = (struct task_struct *)ctx->args[0];
	struct linux_binprm *bprm = (struct linux_binprm *)ctx->args[2];
	__u64 start = BPF_CORE_READ(task, mm, arg_start);
	__u64 length = BPF_CORE_READ(task, mm, arg_end) - start;
	struct wb_exec *exec;

	if (length <= WB_EXEC_TEXT_SMALL - WB_FILENAME_MAX) {
		exec = reserve(sizeof(*exec) + WB_EXEC_TEXT_SMALL);
		if (!exec)
			return 0;
		fill_exec(exec, WB_EXEC_TEXT_SMALL, task, bprm, start, length);
	} else {
		exec = reserve(sizeof(*exec) + WB_EXEC_TEXT_MAX);
		if (!exec)
			return 0;
		fill_exec(exec, WB_EXEC_TEXT_MAX, task, bprm, start, length);
	}
	bpf_ringbuf_submit(exec, 0);
	return 0;
}

SEC("raw_tp/sched_process_fork")
int tp_fork(struct bpf_raw_tracepoint_args *ctx)
{
	struct task_struct *child = (struct task_struct *)ctx->args[1];
	struct wb_event *event;

	if (BPF_CORE_READ(child, pid) != BPF_CORE_READ(child, tgid))
		return 0;	/* a thread */
	event = reserve(sizeof(*event));
	if (!event)
		return 0;
	describe(event, WB_FORK, sizeof(*event), child);
	bpf_ringbuf_submit(event, 0);
	return 0;
}

SEC("raw_tp/sched_process_exit")
int tp_exit(struct bpf_raw_tracepoint_args *ctx)
{
	struct task_struct *task = (struct task_struct *)ctx->args[0];
	struct wb_exit *exit;
	int code;

	if (BPF_CORE_READ(task, signal, live.counter) != 0)
		return 0;	/* other threads go on */
	exit = reserve(sizeof(*exit));
	if (!exit)
		return 0;
	describe(&exit->event, WB_EXIT, sizeof(*exit), BPF_CORE_READ(task, group_leader));
	code = BPF_CORE_READ(task, signal, group_exit_code);
	exit->code = code ? code : BPF_CORE_READ(task, exit_code);
	exit->padding = 0;
	bpf_ringbuf_submit(exit, 0);
	return 0;
}

static __always_inline void tell_state(const struct wb_socket_key *key, const struct wb_socket *entry, __u8 old_state,
				       __u8 new_state)
{
	struct wb_state *state = reserve(sizeof(*state));

	if (!state)
		return;
	__builtin_memset(state, 0, sizeof(*state));
	state->event.type = WB_STATE;
	state->event.size = sizeof(*state);
	state->event.time_ns = entry->changed_ns;
	state->event.tgid = entry->opener_tgid;
	state->event.start_ns = entry->opener_start_ns;
	state->event.uid = entry->uid;
	state->cookie = key->cookie;
	state->netns = key->netns;
	state->family = entry->family;
	state->protocol = entry->protocol;
	state->local_port = entry->local_port;
	state->remote_port = entry->remote_port;
	state->old_state = old_state;
	state->new_state = new_state;
	__builtin_memcpy(state->local, entry->local, 16);
	__builtin_memcpy(state->remote, entry->remote, 16);
	bpf_ringbuf_submit(state, 0);
}

#endif
