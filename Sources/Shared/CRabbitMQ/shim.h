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
#include "tls.h"

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
