import CLibPQ
import Logging

/// Sends the server's notices to the log; without it libpq prints them to standard error.
final class NoticeLog: Sendable {
    private let logger: Logger

    init(logger: Logger) {
        self.logger = logger
    }

    /// The connection must not outlive this object: libpq keeps a bare pointer to it.
    func receiveNotices(of connection: OpaquePointer) {
        _ = PQsetNoticeReceiver(
            connection,
            { context, result in
                guard let context, let result else { return }
                Unmanaged<NoticeLog>.fromOpaque(context).takeUnretainedValue().log(result)
            }, Unmanaged.passUnretained(self).toOpaque())
    }

    /// The result belongs to libpq, so no handle here.
    private func log(_ result: OpaquePointer) {
        guard let message = PQresultErrorField(result, Int32(UInt8(ascii: "M"))) else { return }
        let code = PQresultErrorField(result, Int32(UInt8(ascii: "C"))).map { String(cString: $0) }
        logger.debug(
            "notice from the server",
            metadata: [
                "postgres.message": "\(String(cString: message))", "postgres.sqlstate": "\(code ?? "")",
            ])
    }
}
