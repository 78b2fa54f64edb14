import CRabbitMQ
import Glibc

/// Reads and writes bytes, without ever waiting. Owns neither the socket nor the session.
struct Transport {
    let descriptor: Int32
    /// The OpenSSL session; nil without TLS.
    let session: OpaquePointer?

    /// What a read or a write came to.
    enum Progress: Equatable {
        /// As many bytes, at least one.
        case bytes(Int)
        /// Not now: when the socket is readable, or writable, again.
        case nothing
        /// The peer has ended the connection.
        case ended
        /// The connection is broken, for this reason.
        case broken(String)
    }

    func read(into room: UnsafeMutableRawBufferPointer) -> Progress {
        guard let session else { return progress(recv(descriptor, room.baseAddress, room.count, Int32(MSG_DONTWAIT))) }
        ERR_clear_error()
        return progress(SSL_read(session, room.baseAddress, Int32(clamping: room.count)), of: session)
    }

    func write(_ bytes: UnsafeRawBufferPointer) -> Progress {
        guard let session else {
            return progress(send(descriptor, bytes.baseAddress, bytes.count, Int32(MSG_DONTWAIT | MSG_NOSIGNAL)))
        }
        ERR_clear_error()
        return progress(SSL_write(session, bytes.baseAddress, Int32(clamping: bytes.count)), of: session)
    }

    private func progress(_ count: Int) -> Progress {
        if count > 0 { return .bytes(count) }
        if count == 0 { return .ended }
        return [EAGAIN, EWOULDBLOCK, EINTR].contains(errno) ? .nothing : .broken(String(cString: strerror(errno)))
    }

    private func progress(_ count: Int32, of session: OpaquePointer) -> Progress {
        if count > 0 { return .bytes(Int(count)) }
        let reason = errno
        switch SSL_get_error(session, count) {
        case SSL_ERROR_WANT_READ, SSL_ERROR_WANT_WRITE: return .nothing
        case SSL_ERROR_ZERO_RETURN: return .ended
        case SSL_ERROR_SYSCALL where reason != 0: return .broken(String(cString: strerror(reason)))
        case SSL_ERROR_SYSCALL: return .ended
        default: return .broken("TLS: \(String(cString: candlepost_tls_error()))")
        }
    }
}
