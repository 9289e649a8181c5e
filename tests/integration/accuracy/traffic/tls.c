/*
 * TLS in the kernel, with fixed keys on both ends and no library: what the calls return is plaintext, what TCP carries is
 * not (linux/tls.h; Documentation/networking/tls.rst).
 */
#include "traffic.h"

#include <errno.h>
#include <linux/tcp.h>
#include <linux/tls.h>
#include <string.h>
#include <sys/socket.h>

#ifndef SOL_TLS
#define SOL_TLS 282
#endif
#ifndef TCP_ULP
#define TCP_ULP 31
#endif

static void set_keys(struct tally *t, int direction, uint16_t version, char direction_name)
{
	struct tls12_crypto_info_aes_gcm_128 keys = { 0 };
	keys.info.version = version;
	keys.info.cipher_type = TLS_CIPHER_AES_GCM_128;
	memset(keys.key, direction_name, sizeof(keys.key));
	memset(keys.salt, direction_name + 1, sizeof(keys.salt));
	memset(keys.iv, direction_name + 2, sizeof(keys.iv));
	if (setsockopt(t->fd, SOL_TLS, direction, &keys, sizeof(keys)))
		unsupported("kTLS %s: %s", direction == TLS_TX ? "TLS_TX" : "TLS_RX", strerror(errno));
}

static void attach(struct tally *t)
{
	if (setsockopt(t->fd, IPPROTO_TCP, TCP_ULP, "tls", 3))
		unsupported("TCP_ULP tls: %s", strerror(errno));
}

static void both_ways(struct tally *t, bool server, uint16_t version)
{
	attach(t);
	set_keys(t, TLS_TX, version, server ? 's' : 'c');
	set_keys(t, TLS_RX, version, server ? 'c' : 's');
}

void tls12(struct tally *t, bool server)
{
	both_ways(t, server, TLS_1_2_VERSION);
}

void tls13(struct tally *t, bool server)
{
	both_ways(t, server, TLS_1_3_VERSION);
}

/* Only the sender has kTLS; the receiver takes the records as they come, and counts them as what they are to it. */
void tls_out_use(struct tally *t)
{
	attach(t);
	set_keys(t, TLS_TX, TLS_1_2_VERSION, 'c');
	by_send(t, size(0));
	by_sendfile(t, size(1));
	must("shutdown", shutdown(t->fd, SHUT_WR));
}

void tls_out_serve(struct tally *t)
{
	while (must("recv", received(t, recv(t->fd, scratch(), BUFFER_BYTES, 0))))
		;
}
