import CLibPQ

/// Owns one `PGresult` and clears it exactly once.
struct ResultHandle: ~Copyable {
    let raw: OpaquePointer

    deinit { PQclear(raw) }

    var status: ExecStatusType { PQresultStatus(raw) }
    var commandTag: String { String(cString: PQcmdStatus(raw)) }
    var sqlstate: String? { field("C") }

    /// The primary message; the detail, which may hold rows, is never asked for.
    var primaryMessage: String? { field("M") }

    /// The table and the constraint that an error is about, where there is one.
    var table: String? { field("t") }
    var constraint: String? { field("n") }

    /// The server ends the session after this error. (The field is the severity that is not translated.)
    var endsSession: Bool {
        switch field("V") {
        case "FATAL", "PANIC": true
        default: false
        }
    }

    private func field(_ code: Unicode.Scalar) -> String? {
        PQresultErrorField(raw, Int32(code.value)).map { String(cString: $0) }
    }

    var reply: PipelineState.Reply {
        switch status {
        case PGRES_TUPLES_OK, PGRES_COMMAND_OK, PGRES_EMPTY_QUERY: .success(tag: commandTag)
        case PGRES_FATAL_ERROR: .failure
        case PGRES_PIPELINE_ABORTED: .aborted
        case PGRES_PIPELINE_SYNC: .sync
        default: .unexpected
        }
    }

    /// Copies everything out: one pass for the offsets, one for the bytes, so that the buffer has the right size.
    func rows() -> Rows {
        let (rowCount, columnCount) = (PQntuples(raw), PQnfields(raw))
        let (ends, total) = offsets(rowCount, columnCount)
        // An empty array shares the one empty storage, to which this initialiser would write its count of 0.
        let arena =
            total == 0
            ? []
            : [UInt8](unsafeUninitializedCapacity: total) { buffer, used in
                copyValues(rowCount, columnCount, to: buffer.baseAddress)
                used = total
            }
        return Rows(
            count: Int(rowCount),
            columnNames: (0..<columnCount).map { String(cString: PQfname(raw, $0)) },
            commandTag: commandTag, affectedRows: Int(String(cString: PQcmdTuples(raw))) ?? 0,
            arena: arena, ends: ends)
    }

    private func offsets(_ rowCount: Int32, _ columnCount: Int32) -> (ends: [Int], total: Int) {
        guard rowCount > 0 && columnCount > 0 else { return ([], 0) }
        var end = 0
        let ends = [Int](unsafeUninitializedCapacity: Int(rowCount) * Int(columnCount)) { buffer, used in
            for row in 0..<rowCount {
                for column in 0..<columnCount {
                    let length = Int(PQgetlength(raw, row, column))
                    end += length
                    let isNull = length == 0 && PQgetisnull(raw, row, column) != 0
                    buffer.initializeElement(at: used, to: isNull ? ~end : end)
                    used += 1
                }
            }
        }
        return (ends, end)
    }

    private func copyValues(_ rowCount: Int32, _ columnCount: Int32, to start: UnsafeMutablePointer<UInt8>?) {
        guard var target = UnsafeMutableRawPointer(start) else { return }
        for row in 0..<rowCount {
            for column in 0..<columnCount {
                let length = Int(PQgetlength(raw, row, column))
                guard length > 0 else { continue }
                target.copyMemory(from: PQgetvalue(raw, row, column), byteCount: length)
                target += length
            }
        }
    }
}
