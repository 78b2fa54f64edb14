#pragma once
// From rabbitmq-c 0.12 on the headers have a folder, and those at the old place only warn. Debian 12 has 0.11.
#if __has_include(<rabbitmq-c/amqp.h>)
#include <rabbitmq-c/amqp.h>
#include <rabbitmq-c/framing.h>
#include <rabbitmq-c/ssl_socket.h>
#include <rabbitmq-c/tcp_socket.h>
#else
#include <amqp.h>
#include <amqp_framing.h>
#include <amqp_ssl_socket.h>
#include <amqp_tcp_socket.h>
#endif
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

/// Called for each certificate of the broker's chain; ours is only to note the first reason against one.
static inline int candlepost_verified(int is_fine, X509_STORE_CTX *store) {
  SSL *session = (SSL *)X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
  long *reason = session ? (long *)SSL_CTX_get_app_data(SSL_get_SSL_CTX(session)) : NULL;
  if (!is_fine && reason && *reason == X509_V_OK) *reason = X509_STORE_CTX_get_error(store);
  return is_fine;
}

/// Has the broker's certificate verified during the handshake, before anything is said to it, and notes there why it is
/// refused: the library tells only that. For a socket that is not open yet.
static inline void candlepost_verify(amqp_socket_t *socket, long *reason) {
  SSL_CTX *context = (SSL_CTX *)amqp_ssl_socket_get_context(socket);
  SSL_CTX_set_app_data(context, reason);
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, candlepost_verified);
}

/// `reason` is used no more.
static inline void candlepost_forget_reason(amqp_socket_t *socket) {
  SSL_CTX_set_app_data((SSL_CTX *)amqp_ssl_socket_get_context(socket), NULL);
}

/// In words; NULL if nothing is wrong.
static inline const char *candlepost_refusal(long reason) {
  return reason == X509_V_OK ? NULL : X509_verify_cert_error_string(reason);
}

static inline amqp_table_entry_t candlepost_text(const char *key, const char *value) {
  amqp_table_entry_t entry = {.key = amqp_cstring_bytes(key)};
  entry.value.kind = AMQP_FIELD_KIND_UTF8;
  entry.value.value.bytes = amqp_cstring_bytes(value);
  return entry;
}

static inline amqp_table_entry_t candlepost_yes(const char *key) {
  amqp_table_entry_t entry = {.key = amqp_cstring_bytes(key)};
  entry.value.kind = AMQP_FIELD_KIND_BOOLEAN;
  entry.value.value.boolean = 1;
  return entry;
}

/// The library's login is variadic, which Swift can't call; the client's properties are easier built here, too.
static inline amqp_rpc_reply_t candlepost_login(amqp_connection_state_t state, const char *vhost, int frame_max,
                                                int heartbeat, const char *connection_name, const char *user,
                                                const char *password) {
  amqp_table_entry_t capabilities[] = {
      candlepost_yes("authentication_failure_close"),
      candlepost_yes("basic.nack"),
      candlepost_yes("connection.blocked"),
      candlepost_yes("consumer_cancel_notify"),
      candlepost_yes("publisher_confirms"),
  };
  amqp_table_entry_t properties[] = {
      candlepost_text("product", "Candlepost"),
      candlepost_text("connection_name", connection_name),
      {.key = amqp_cstring_bytes("capabilities")},
  };
  properties[2].value.kind = AMQP_FIELD_KIND_TABLE;
  properties[2].value.value.table.num_entries = sizeof capabilities / sizeof *capabilities;
  properties[2].value.value.table.entries = capabilities;
  amqp_table_t table = {.num_entries = sizeof properties / sizeof *properties, .entries = properties};
  // Channel numbers up to 1: one channel for each connection, because the library mixes up the frames of several.
  return amqp_login_with_properties(state, vhost, 1, frame_max, heartbeat, &table, AMQP_SASL_METHOD_PLAIN, user,
                                    password);
}
