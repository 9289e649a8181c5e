/**
 * struct tcp_info as far as it is read here (linux/tcp.h). The kernel only ever appends to it: an old kernel's is
 * shorter, so a field is there exactly if the attribute's length reaches beyond it.
 */
import { defineLayout } from "../../ffi/layout.ts";

export const tcpInfo = defineLayout("tcp_info", 232, {
  state: [0, "u8"],
  /** snd_mss. */
  sendMss: [16, "u32"],
  /** Segments in flight (packets_out). */
  unacked: [24, "u32"],
  lastDataSent: [44, "u32"],
  lastDataReceived: [52, "u32"],
  lastAckReceived: [56, "u32"],
  pmtu: [60, "u32"],
  advertisedMss: [84, "u32"],
  totalRetrans: [100, "u32"],
  /** Since Linux 4.1. Counts the SYN of the connecting side and the FIN, one each, once they are acknowledged. */
  bytesAcked: [120, "u64"],
  /** Since Linux 4.1. Counts the peer's FIN as one. */
  bytesReceived: [128, "u64"],
  segmentsOut: [136, "u32"],
  segmentsIn: [140, "u32"],
  /** write_seq − snd_nxt: since Linux 4.6. */
  notSentBytes: [144, "u32"],
  dataSegmentsIn: [152, "u32"],
  dataSegmentsOut: [156, "u32"],
  /** Since Linux 4.19. Payload handed to the network, retransmissions included, SYN and FIN not. */
  bytesSent: [200, "u64"],
  bytesRetransmitted: [208, "u64"],
});

/** From here on an attribute holds bytesAcked and bytesReceived. */
export const TCP_INFO_SIZE_WITH_BYTES_RECEIVED = 136;
/** From here on an attribute holds dataSegmentsIn and dataSegmentsOut: since Linux 4.6. */
export const TCP_INFO_SIZE_WITH_DATA_SEGMENTS = 160;
/** From here on an attribute holds bytesSent and bytesRetransmitted. */
export const TCP_INFO_SIZE_WITH_BYTES_SENT = 216;

/** Socket states as the kernel numbers them (net/tcp_states.h). */
export const TCP_ESTABLISHED = 1;
export const TCP_SYN_SENT = 2;
export const TCP_SYN_RECV = 3;
export const TCP_FIN_WAIT1 = 4;
export const TCP_FIN_WAIT2 = 5;
export const TCP_TIME_WAIT = 6;
export const TCP_CLOSE = 7;
export const TCP_CLOSE_WAIT = 8;
export const TCP_LAST_ACK = 9;
export const TCP_LISTEN = 10;
export const TCP_CLOSING = 11;
export const TCP_NEW_SYN_RECV = 12;
