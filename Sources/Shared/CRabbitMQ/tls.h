#pragma once
#include <stdbool.h>
#include <stdio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

/// What is noted while the library shakes hands.
typedef struct {
  /// The session, which the library keeps to itself.
  SSL *session;
  /// For the extension by which servers choose a certificate; empty for an address.
  char server_name[256];
  /// The first reason against the certificate.
  long reason;
} candlepost_handshake;

static inline candlepost_handshake *candlepost_noted(const SSL *session) {
  return session ? (candlepost_handshake *)SSL_CTX_get_app_data(SSL_get_SSL_CTX(session)) : NULL;
}

/// Called when a handshake begins and ends.
static inline void candlepost_shaking(const SSL *session, int where, int value) {
  candlepost_handshake *handshake = candlepost_noted(session);
  (void)value;
  if (!handshake || !(where & SSL_CB_HANDSHAKE_START) || handshake->session) return;
  handshake->session = (SSL *)session;
  // The library was given an address in numbers, and names that.
  SSL_set_tlsext_host_name(handshake->session, *handshake->server_name ? handshake->server_name : NULL);
}

/// Called for each certificate of the broker's chain; ours is only to note the first reason against one.
static inline int candlepost_verified(int is_fine, X509_STORE_CTX *store) {
  candlepost_handshake *handshake = candlepost_noted(
      (SSL *)X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
  if (!is_fine && handshake && handshake->reason == X509_V_OK) handshake->reason = X509_STORE_CTX_get_error(store);
  return is_fine;
}

/// TLS 1.2 at least, no renegotiation, and writes that may go on from another buffer.
static inline void candlepost_tls_rules(amqp_socket_t *socket) {
  SSL_CTX *context = (SSL_CTX *)amqp_ssl_socket_get_context(socket);
  if (SSL_CTX_get_min_proto_version(context) < TLS1_2_VERSION) SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION);
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
}

/// For a socket that is not open yet. With `verifies` the certificate must name the host as RFC 9525 has it: an address by an
/// address, a name by a DNS name with a wildcard for its first label at most, and never by the subject's common name.
/// - Parameter number: the host as an address; NULL if it is a name.
static inline bool candlepost_begin(amqp_socket_t *socket, const char *host, const char *number, bool verifies,
                                    candlepost_handshake *handshake) {
  SSL_CTX *context = (SSL_CTX *)amqp_ssl_socket_get_context(socket);
  snprintf(handshake->server_name, sizeof handshake->server_name, "%s", number ? "" : host);
  SSL_CTX_set_app_data(context, handshake);
  SSL_CTX_set_info_callback(context, candlepost_shaking);
  if (!verifies) return true;
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, candlepost_verified);
  X509_VERIFY_PARAM *rules = SSL_CTX_get0_param(context);
  X509_VERIFY_PARAM_set_hostflags(rules, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  return number ? X509_VERIFY_PARAM_set1_ip_asc(rules, number) : X509_VERIFY_PARAM_set1_host(rules, host, 0);
}

/// The notes are used no more.
static inline void candlepost_end(amqp_socket_t *socket) {
  SSL_CTX *context = (SSL_CTX *)amqp_ssl_socket_get_context(socket);
  SSL_CTX_set_info_callback(context, NULL);
  SSL_CTX_set_app_data(context, NULL);
}

/// Why the certificate was refused, in words; NULL if it was not.
static inline const char *candlepost_refusal(const candlepost_handshake *handshake) {
  return handshake->reason == X509_V_OK ? NULL : X509_verify_cert_error_string(handshake->reason);
}

static inline bool candlepost_has_another_name(const candlepost_handshake *handshake) {
  return handshake->reason == X509_V_ERR_HOSTNAME_MISMATCH || handshake->reason == X509_V_ERR_IP_ADDRESS_MISMATCH;
}

/// What OpenSSL has to say about its last error.
static inline const char *candlepost_tls_error(void) {
  const char *reason = ERR_reason_error_string(ERR_peek_last_error());
  return reason ? reason : "an error without a name";
}
