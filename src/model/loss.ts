/** What was lost between the kernel and the reader, by cause. Loss is counted and shown, never swallowed. */

export interface Loss {
  /** What happened, stable and machine-readable. */
  readonly cause:
    | "netlink_overflow" // the kernel dropped destroy notices: ENOBUFS on the multicast socket
    | "dump_interrupted" // a dump changed under way (NLM_F_DUMP_INTR) after every retry
    | "dump_truncated" // a message was cut short
    | "final_counters_missing" // a connection went away and its final counters were never seen
    | "counters_erased" // the kernel zeroed the counters before telling them (reset by close with linger 0)
    | "flow_evicted" // the flow table was full
    | "flow_merged" // group or history table full: folded into an "other" row
    | "socket_map_full" // the kernel programs had no room for a socket
    | "bytes_map_full" // the kernel programs had no room for a process at a socket
    | "event_ring_full" // the kernel programs had no room for a process event
    | "name_ring_full" // the kernel programs had no room for an observed DNS answer or TLS name
    | "peer_merged" // a remote end of an unconnected socket that was counted without being told apart
    | "return_lost" // a kretprobe that never came back
    | "closed_row_missed" // this client was too slow to be told of a closed connection
    | "event_dropped" // this client was too slow to be told of a process event
    | "helper_interrupted" // traffic that no method could count while the helper was away
    | "process_unreadable" // a process vanished while it was being read
    | "malformed_record"; // bytes that don't mean what their format promises
  /** How often it happened. */
  readonly count: number;
  /** Bytes known to be lost; undefined where their number can't be known. */
  readonly bytes: number | undefined;
}
