#pragma once
#include <libpq-fe.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

/// Keeps the TLS session of a connection that is being made beyond its end, where libpq tells no more than that the
/// certificate is refused. NULL while there is none. To be given back to candlepost_forget_session.
static inline void *candlepost_keep_session(PGconn *connection) {
  SSL *session = (SSL *)PQsslStruct(connection, "OpenSSL");
  if (session) SSL_up_ref(session);
  return session;
}

static inline void candlepost_forget_session(void *session) { SSL_free((SSL *)session); }

/// Why the server's certificate is refused; NULL if it is not.
static inline const char *candlepost_session_refusal(const void *session) {
  long result = session ? SSL_get_verify_result((const SSL *)session) : X509_V_OK;
  return result == X509_V_OK ? NULL : X509_verify_cert_error_string(result);
}
