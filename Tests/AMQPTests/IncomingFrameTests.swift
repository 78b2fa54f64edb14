import CRabbitMQ
import Testing

@testable import AMQP

@Suite struct IncomingFrameTests {
    /// Runs the body with bytes in the library's form.
    private func withBytes<Result>(_ text: String, _ body: (amqp_bytes_t) throws -> Result) rethrows -> Result {
        var bytes = Array(text.utf8)
        return try bytes.withUnsafeMutableBytes { try body(amqp_bytes_t(len: $0.count, bytes: $0.baseAddress)) }
    }

    private func headers(of entries: [amqp_table_entry_t]) -> [Header] {
        var entries = entries
        return entries.withUnsafeMutableBufferPointer { buffer in
            var properties = amqp_basic_properties_t()
            properties._flags = UInt32(AMQP_BASIC_HEADERS_FLAG)
            properties.headers = amqp_table_t(num_entries: Int32(buffer.count), entries: buffer.baseAddress)
            return withUnsafeMutablePointer(to: &properties) { ContentHeader(size: 0, decoded: $0).headers }
        }
    }

    @Test func theReasonOfABlockedConnectionIsRead() {
        let frame = withBytes("low on memory") { reason in
            var blocked = amqp_connection_blocked_t(reason: reason)
            return withUnsafeMutablePointer(to: &blocked) {
                IncomingFrame.method(amqp_method_t(id: MethodID.connectionBlocked, decoded: $0))
            }
        }
        guard case .blocked("low on memory") = frame else {
            Issue.record("read as \(frame)")
            return
        }
    }

    @Test func controlCharactersAndBrokenTextAreRepaired() {
        #expect(withBytes("a\nb\u{1B}[31m\u{7F}") { $0.text } == "ab[31m")
        var broken: [UInt8] = [65, 0xFF]
        #expect(broken.withUnsafeMutableBytes { amqp_bytes_t(len: 2, bytes: $0.baseAddress).text } == "A\u{FFFD}")
    }

    @Test func bigAndNestedHeadersAreLeftOut() {
        let found = withBytes(String(repeating: "x", count: 513)) { long in
            withBytes("name") { name in
                var plain = amqp_table_entry_t(key: name, value: amqp_field_value_t())
                plain.value.kind = UInt8(ascii: "I")
                plain.value.value.i32 = -5
                var tooLong = plain
                tooLong.value.kind = UInt8(ascii: "S")
                tooLong.value.value.bytes = long
                var longName = plain
                longName.key = long
                var nested = plain
                nested.value.kind = UInt8(ascii: "F")
                return headers(of: [tooLong, longName, nested, plain])
            }
        }
        #expect(found == [Header(name: "name", value: "-5")])
    }

    @Test func onlyTheFirstHeadersOfManyAreRead() {
        let found = withBytes("name") { name in
            var entry = amqp_table_entry_t(key: name, value: amqp_field_value_t())
            entry.value.kind = UInt8(ascii: "t")
            return headers(of: Array(repeating: entry, count: 5000))
        }
        #expect(found.count == 32)
        #expect(found.first == Header(name: "name", value: "false"))
    }
}
