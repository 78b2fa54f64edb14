import CLibPQ

/// Owns one `PGconn` and finishes it exactly once. Every call into libpq for a running session is in here.
struct ConnectionHandle: ~Copyable {
    private let raw: OpaquePointer
    /// Kept because libpq holds a bare pointer to it.
    private let notices: NoticeLog

    init(adopting raw: OpaquePointer, notices: NoticeLog) {
        self.raw = raw
        self.notices = notices
    }

    deinit { PQfinish(raw) }

    var socket: Int32 { PQsocket(raw) }
    var isUsable: Bool { PQstatus(raw) == CONNECTION_OK }
    var isTransactionFailed: Bool { PQtransactionStatus(raw) == PQTRANS_INERROR }
    var isEncrypted: Bool { PQsslInUse(raw) != 0 }
    var isBusy: Bool { PQisBusy(raw) != 0 }
    var backendProcessID: Int32 { PQbackendPID(raw) }
    var serverVersion: Int32 { PQserverVersion(raw) }
    /// The text of the last failure, several lines; see ``Redaction``.
    var errorText: String { String(cString: PQerrorMessage(raw)) }

    /// Prepares a fresh connection for use; false when libpq refuses.
    func startPipelining() -> Bool {
        PQsetnonblocking(raw, 1) == 0 && PQenterPipelineMode(raw) == 1
    }

    func enterPipelineMode() -> Bool { PQenterPipelineMode(raw) == 1 }
    func exitPipelineMode() -> Bool { PQexitPipelineMode(raw) == 1 }

    /// Reads what the socket holds; false when the connection is gone.
    func consumeInput() -> Bool { PQconsumeInput(raw) == 1 }

    /// Sends what the socket takes: 0 when all is sent, 1 when some is left, -1 when the connection is gone.
    func flush() -> Int32 { PQflush(raw) }

    /// The next result; nil between two statements. Call it only while not ``isBusy``, or it blocks.
    func nextResult() -> ResultHandle? {
        guard let result = PQgetResult(raw) else { return nil }
        return ResultHandle(raw: result)
    }

    /// Takes all notifications that have come; true when there was one.
    func drainNotifications() -> Bool {
        var any = false
        while let notification = PQnotifies(raw) {
            PQfreemem(notification)
            any = true
        }
        return any
    }

    func sendScript(_ sql: String) -> Bool { PQsendQuery(raw, sql) == 1 }

    func sendSync() -> Bool { PQpipelineSync(raw) == 1 }

    func sendPrepare(_ statement: Statement, name: String) -> Bool {
        let types = statement.parameters.map(\.type)
        return PQsendPrepare(raw, name, statement.sql, Int32(types.count), types) == 1
    }

    func sendPrepared(_ statement: Statement, name: String) -> Bool {
        statement.parameters.withWirePointers { values, lengths, formats in
            PQsendQueryPrepared(raw, name, Int32(lengths.count), values, lengths, formats, 1) == 1
        }
    }

    func send(_ statement: Statement) -> Bool {
        let types = statement.parameters.map(\.type)
        return statement.parameters.withWirePointers { values, lengths, formats in
            PQsendQueryParams(raw, statement.sql, Int32(types.count), types, values, lengths, formats, 1) == 1
        }
    }
}

extension [Parameter] {
    /// Lends the bytes of all parameters to libpq without copying them; libpq copies them once, into its own buffer.
    fileprivate func withWirePointers(
        _ body: ([UnsafePointer<CChar>?], [Int32], [Int32]) -> Bool
    ) -> Bool {
        var values: [UnsafePointer<CChar>?] = []
        var lengths: [Int32] = []
        values.reserveCapacity(count)
        lengths.reserveCapacity(count)
        return lend(from: 0, &values, &lengths) { values, lengths in
            body(values, lengths, [Int32](repeating: 1, count: count))
        }
    }

    /// One level of recursion for each parameter: pointers into arrays are only good inside a closure.
    private func lend(
        from index: Int, _ values: inout [UnsafePointer<CChar>?], _ lengths: inout [Int32],
        _ body: ([UnsafePointer<CChar>?], [Int32]) -> Bool
    ) -> Bool {
        guard index < count else { return body(values, lengths) }
        return self[index].withWireBytes { bytes in
            // A null pointer would mean NULL, and an empty buffer may have one.
            values.append(bytes.map { $0.baseAddress?.assumingMemoryBound(to: CChar.self) ?? Self.empty })
            lengths.append(Int32(truncatingIfNeeded: bytes?.count ?? 0))
            return lend(from: index + 1, &values, &lengths, body)
        }
    }

    private static var empty: UnsafePointer<CChar> {
        UnsafePointer(bitPattern: 1)!  // never read: the length is 0
    }
}

extension Parameter {
    /// The bytes to send; nil for NULL.
    fileprivate func withWireBytes(_ body: (UnsafeRawBufferPointer?) -> Bool) -> Bool {
        switch value {
        case .null: body(nil)
        case .scalar(let wire, let length):
            withUnsafeBytes(of: wire) { body(UnsafeRawBufferPointer(rebasing: $0[..<length])) }
        case .bytes(let bytes): bytes.withUnsafeBytes { body($0) }
        case .array(let array): array.withWireBytes { body($0) }
        }
    }
}
