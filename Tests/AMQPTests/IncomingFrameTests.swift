import Testing

@testable import AMQP

@Suite struct IncomingFrameTests {
    /// Reads one frame. What it shows of memory is good inside `body` only.
    private func read<Value>(
        _ type: UInt8, channel: UInt16 = 1, _ write: (inout FrameWriter) -> Void,
        _ body: (IncomingFrame) -> Value
    ) throws -> Value {
        var payload = FrameWriter()
        write(&payload)
        return try payload.bytes.withUnsafeBytes { bytes in
            body(try IncomingFrame(RawFrame(type: type, channel: channel, payload: bytes)))
        }
    }

    private func headers(_ table: [UInt8], flags: UInt16 = 0x2000, before: [UInt8] = []) throws -> [Header] {
        try read(
            FrameWriter.header,
            { frame in
                frame.put(UInt32(60 << 16))
                frame.put(UInt64(5))
                frame.put(flags)
                frame.bytes += before
                frame.put(UInt32(table.count))
                frame.bytes += table
            }, { if case .header(let header) = $0 { header.headers } else { [] } })
    }

    @Test func theReasonOfABlockedConnectionIsRead() throws {
        let reason = try read(
            FrameWriter.method, channel: 0,
            {
                $0.put(MethodID.connectionBlocked)
                $0.putShort("low on\nmemory")
            }, { if case .blocked(let reason) = $0 { reason } else { "" } })
        #expect(reason == "low onmemory")
    }

    /// A method of the connection on a channel of messages, and the other way round; a class and a method that nobody
    /// sends; methods that only clients send; headers of other classes.
    @Test(
        arguments: [
            (1, 1, 0x000A_0032), (1, 0, 0x003C_003C), (1, 0, 0x0014_0028), (1, 1, 0x003C_0028), (1, 1, 0x0032_000A),
            (1, 1, 0x00FF_0001), (1, 1, 0x003C_0047), (2, 1, 10 << 16), (2, 1, 60 << 16 | 1), (2, 0, 60 << 16),
            (3, 0, 0), (4, 1, 0), (8, 1, 0), (0, 0, 0),
        ] as [(UInt8, UInt16, UInt32)])
    func whatHasNoBusinessThereIsRefused(type: UInt8, channel: UInt16, id: UInt32) {
        #expect(throws: FieldReader.Malformed.self) {
            try read(
                type, channel: channel,
                {
                    $0.put(id)
                    $0.bytes += [UInt8](repeating: 0, count: 64)
                }, { _ in })
        }
    }

    /// Methods that a broker sends, with the fewest bytes that they have: not read if one of them is missing.
    @Test(
        arguments: [
            (0, MethodID.connectionStart, 10), (0, MethodID.connectionTune, 8), (0, MethodID.connectionClose, 3),
            (0, MethodID.connectionBlocked, 1), (1, MethodID.channelClose, 3), (1, MethodID.queueDeclareOK, 9),
            (1, MethodID.basicDeliver, 10), (1, MethodID.basicReturn, 3), (1, MethodID.basicAck, 9),
            (1, MethodID.basicNack, 9),
        ] as [(UInt16, UInt32, Int)])
    func aMethodThatIsCutIsRefused(channel: UInt16, id: UInt32, least: Int) throws {
        func read(_ count: Int) throws {
            var fields = [UInt8](repeating: 0, count: least)
            if id == MethodID.connectionStart { fields[1] = 9 }
            try self.read(
                FrameWriter.method, channel: channel,
                {
                    $0.put(id)
                    $0.bytes += fields.prefix(count)
                }, { _ in })
        }
        try read(least)
        for count in 0..<least { #expect(throws: FieldReader.Malformed.self) { try read(count) } }
    }

    @Test func everyKindOfValueIsReadOrSteppedOver() throws {
        let entries: [([UInt8], String?)] = [
            ([0x74, 1], "true"), ([0x62, 0xFF], "-1"), ([0x42, 0xFF], "255"), ([0x73, 0xFF, 0xFE], "-2"),
            ([0x55, 0xFF, 0xFE], "-2"), ([0x75, 0xFF, 0xFE], "65534"), ([0x49, 0xFF, 0xFF, 0xFF, 0xFD], "-3"),
            ([0x69, 0xFF, 0xFF, 0xFF, 0xFD], "4294967293"), ([0x6C] + [UInt8](repeating: 0xFF, count: 8), "-1"),
            ([0x4C] + [UInt8](repeating: 0xFF, count: 8), "18446744073709551615"),
            ([0x54, 0, 0, 0, 0, 0, 0, 0, 9], "9"),
            ([0x66, 0x3F, 0x80, 0, 0], "1.0"), ([0x64, 0x40, 0, 0, 0, 0, 0, 0, 0], "2.0"),
            ([0x53, 0, 0, 0, 2, 0x68, 0x69], "hi"), ([0x78, 0, 0, 0, 1, 0xFF], "\u{FFFD}"), ([0x56], nil),
            ([0x44, 2, 0, 0, 0, 1], nil), ([0x46, 0, 0, 0, 3, 1, 0x61, 0x56], nil), ([0x41, 0, 0, 0, 1, 0x56], nil),
            ([0x53, 0, 0, 2, 1] + [UInt8](repeating: 0x78, count: 513), nil),
        ]
        let table = entries.map { [2, 0x78, 0x31] + $0.0 }
        let values = try headers(Array(table.joined())).map(\.value)
        #expect(values == entries.compactMap(\.1))
    }

    /// A publisher wrote it, and a broker hands it on unread: what makes no sense ends the list, and nothing else.
    @Test(
        arguments: [
            [1], [1, 0x61], [1, 0x61, 0x3F, 0], [255, 0x61], [1, 0x61, 0x53, 0xFF, 0xFF, 0xFF, 0xFF, 0],
            [1, 0x61, 0x6C, 0], [1, 0x61, 0x46, 0x7F, 0xFF, 0xFF, 0xFF],
        ] as [[UInt8]])
    func aTableThatMakesNoSenseEndsTheList(rest: [UInt8]) throws {
        let good: [UInt8] = [1, 0x67, 0x74, 1]
        #expect(try headers(good + rest) == [Header(name: "g", value: "true")])
    }

    @Test func propertiesThatMakeNoSenseAreNone() throws {
        let good: [UInt8] = [1, 0x67, 0x74, 1]
        #expect(try headers(good, flags: 0x2001).isEmpty)
        #expect(try headers(good, flags: 0xA000, before: [255, 1]).isEmpty)
        #expect(try headers(good, flags: 0xA000, before: [1, 1]) == [Header(name: "g", value: "true")])
    }

    private func repeated(_ count: Int, _ bytes: [UInt8]) -> [UInt8] {
        Array(repeatElement(bytes, count: count).joined())
    }

    @Test func ofManyHeadersTheFirstAreReadAndThoseThatAreWanted() throws {
        var many = repeated(20_000, [1, 0x61, 0x56]) + repeated(50, [1, 0x62, 0x74, 1])
        many += [11] + Array("traceparent".utf8) + [0x74, 1] + [16] + Array("x-delivery-count".utf8) + [0x62, 7]
        #expect(
            try headers(many) == [
                Header(name: "traceparent", value: "true"), Header(name: "x-delivery-count", value: "7"),
            ])
        #expect(try headers(repeated(5000, [1, 0x62, 0x74, 1])).count == 32)
    }

    @Test func aVersionIsFoundAmongWhatABrokerSays() throws {
        func version(_ text: String) -> BrokerVersion {
            var table = FrameWriter()
            table.putName("capabilities", kind: "F")
            table.endLength(table.beginLength())
            table.putEntry("version", text: text)
            return table.bytes.withUnsafeBytes { BrokerVersion(HeaderTable($0)) }
        }
        #expect(version("4.0.5") == BrokerVersion(major: 4, text: "4.0.5"))
        #expect(version("3.10.8").major == 3)
        #expect(version(String(repeating: "9", count: 41)).major == 0)
        #expect(version("").major == 0)
    }
}
