/// Frames as a broker sends them, and such as none does, as bytes.
public enum BrokerGrammar {
    public static func bytes(_ value: some FixedWidthInteger) -> [UInt8] {
        withUnsafeBytes(of: value.bigEndian) { Array($0) }
    }

    public static func frame(_ type: UInt8, _ channel: UInt16, _ payload: [UInt8], end: UInt8 = 0xCE) -> [UInt8] {
        [type] + bytes(channel) + bytes(UInt32(payload.count)) + payload + [end]
    }

    public static func method(_ id: UInt32, _ channel: UInt16, _ fields: [UInt8] = []) -> [UInt8] {
        frame(1, channel, bytes(id) + fields)
    }

    public static func header(
        _ channel: UInt16, size: UInt64, classID: UInt16 = 60, properties: [UInt8] = [0, 0]
    ) -> [UInt8] {
        frame(2, channel, bytes(classID) + [0, 0] + bytes(size) + properties)
    }

    public static func deliver(_ channel: UInt16, tag: UInt64, consumer: String = "0") -> [UInt8] {
        method(0x003C_003C, channel, short(consumer) + bytes(tag) + [0] + short("") + short("queue"))
    }

    public static func short(_ text: String) -> [UInt8] { [UInt8(min(text.utf8.count, 255))] + text.utf8.prefix(255) }

    public static func long(_ content: [UInt8]) -> [UInt8] { bytes(UInt32(content.count)) + content }

    public static func start(_ properties: [UInt8] = []) -> [UInt8] {
        method(
            0x000A_000A, 0, [0, 9] + long(properties) + long(Array("PLAIN AMQPLAIN".utf8)) + long(Array("en_US".utf8)))
    }

    /// The honest answer to a method of the client; nil if it wants none.
    public static func answer(to id: UInt32, on channel: UInt16) -> [UInt8]? {
        switch id {
        case 0x000A_000B: method(0x000A_001E, 0, bytes(UInt16(2047)) + bytes(UInt32(131_072)) + bytes(UInt16(60)))
        case 0x000A_0028: method(0x000A_0029, 0, short(""))
        case 0x0014_000A: method(0x0014_000B, channel, long([]))
        case 0x0032_000A: method(0x0032_000B, channel, short("queue") + bytes(UInt32(0)) + bytes(UInt32(0)))
        case 0x003C_000A: method(0x003C_000B, channel)
        case 0x003C_0014: method(0x003C_0015, channel, short("0"))
        case 0x003C_001E: method(0x003C_001F, channel, short("0"))
        case 0x0055_000A: method(0x0055_000B, channel)
        case 0x0014_0028: method(0x0014_0029, channel)
        case 0x000A_0032: method(0x000A_0033, 0)
        default: nil
        }
    }

    /// Tables ("F") or arrays ("A") in one another, as the entries of a table.
    public static func nested(_ depth: Int, kind: Unicode.Scalar = "A") -> [UInt8] {
        let isTable = kind == "F"
        var table: [UInt8] = [1, 0x61, UInt8(ascii: kind)]
        let level = isTable ? 7 : 5
        for step in 0..<depth {
            table += bytes(UInt32(level * (depth - 1 - step)))
            if step < depth - 1 { table += isTable ? [1, 0x61, UInt8(ascii: kind)] : [UInt8(ascii: kind)] }
        }
        return table
    }
}

/// What a hostile broker does, drawn from a grammar by a seed: it plays along up to a step, then says something wrong, and goes on.
public struct HostileBroker: Sendable {
    private let seed: UInt64

    public init(seed: UInt64) { self.seed = seed }

    public func serve(_ peer: FakeBrokerPeer) {
        var random = SeededGenerator(seed: seed)
        guard peer.read(8) != nil else { return }
        var step = 0
        let turning = Int.random(in: 0...9, using: &random)
        if turning == 0 { peer.send(Self.wrong(&random)) }
        guard peer.send(BrokerGrammar.start()) else { return }
        while let (channel, id) = peer.readFrame() {
            step += 1
            guard let id, let honest = BrokerGrammar.answer(to: id, on: channel) else { continue }
            if step == turning { peer.send(Self.wrong(&random)) }
            guard peer.send(Bool.random(using: &random) || step < turning ? honest : Self.mutated(honest, &random))
            else { return }
            // From the first consumer or the first confirms on there is nothing to wait for.
            if id == 0x003C_0014 || id == 0x0055_000A { break }
        }
        var tag: UInt64 = 1
        for _ in 0..<Int.random(in: 1...40, using: &random) {
            let isHonest = Int.random(in: 0..<4, using: &random) > 0
            guard peer.send(isHonest ? Self.message(&tag, &random) : Self.wrong(&random)) else { return }
        }
    }

    private static func message(_ tag: inout UInt64, _ random: inout SeededGenerator) -> [UInt8] {
        defer { tag += 1 }
        let size = Int.random(in: 0...300, using: &random)
        let body = size > 0 ? BrokerGrammar.frame(3, 1, [UInt8](repeating: 65, count: size)) : []
        return BrokerGrammar.deliver(1, tag: tag) + BrokerGrammar.header(1, size: UInt64(size)) + body
    }

    private static func mutated(_ bytes: [UInt8], _ random: inout SeededGenerator) -> [UInt8] {
        var bytes = bytes
        for _ in 0...Int.random(in: 0...3, using: &random) where !bytes.isEmpty {
            switch Int.random(in: 0..<3, using: &random) {
            case 0: bytes[Int.random(in: bytes.indices, using: &random)] = UInt8.random(in: 0...255, using: &random)
            case 1: bytes.remove(at: Int.random(in: bytes.indices, using: &random))
            default:
                bytes.insert(
                    UInt8.random(in: 0...255, using: &random), at: Int.random(in: bytes.indices, using: &random))
            }
        }
        return bytes
    }

    private static let methods: [UInt32] = [
        0x000A_000A, 0x000A_0014, 0x000A_001E, 0x000A_0029, 0x000A_0032, 0x000A_0033, 0x000A_003C, 0x000A_003D,
        0x0014_000B,
        0x0014_0014, 0x0014_0028, 0x0014_0029, 0x0032_000B, 0x003C_000B, 0x003C_0015, 0x003C_001E, 0x003C_001F,
        0x003C_0032, 0x003C_003C, 0x003C_0047, 0x003C_0050, 0x003C_0078, 0x0055_000B, 0x0028_000B, 0x00FF_00FF,
    ]

    /// Something that no broker sends, or not there.
    static func wrong(_ random: inout SeededGenerator) -> [UInt8] {
        typealias Grammar = BrokerGrammar
        func junk(_ most: Int) -> [UInt8] {
            (0..<Int.random(in: 0...most, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random) }
        }
        let channel: UInt16 = [0, 1, 1, 1, 2, 7, 65_535].randomElement(using: &random) ?? 1
        let sizes: [UInt64] = [0, 1, 100, 1 << 20, 1 << 31, 1 << 40, UInt64(Int64.max), .max]
        let size = sizes.randomElement(using: &random) ?? 0
        switch Int.random(in: 0..<13, using: &random) {
        case 0: return junk(400)
        case 1:
            return Grammar.header(
                channel, size: size, classID: [10, 20, 50, 60, 85, 90].randomElement(using: &random) ?? 10,
                properties: junk(60))
        case 2:
            return Grammar.deliver(channel, tag: size) + Grammar.header(channel, size: size)
                + Grammar.frame(3, channel, junk(3000))
        case 3: return Grammar.method(methods.randomElement(using: &random) ?? 0, channel, junk(60))
        case 4: return Grammar.frame(UInt8.random(in: 0...255, using: &random), channel, junk(300))
        case 5: return Grammar.frame(1, channel, junk(40), end: UInt8.random(in: 0...255, using: &random))
        case 6: return [3] + Grammar.bytes(channel) + Grammar.bytes(UInt32(truncatingIfNeeded: size)) + junk(200)
        case 7: return Grammar.start(Grammar.nested(26_000 / 2))
        case 8:
            return Grammar.deliver(1, tag: 1)
                + Grammar.header(1, size: 5, properties: [0x20, 0] + Grammar.long(Grammar.nested(20_000)))
        case 9: return Array(repeatElement(Grammar.frame(8, 0, []), count: 2000).joined())
        case 10:
            return Grammar.deliver(1, tag: 1) + Grammar.header(1, size: 1 << 19)
                + Array(repeatElement(Grammar.frame(3, 1, [1]), count: 500).joined())
        case 11:
            return Grammar.method(0x003C_0050, 1, Grammar.bytes(size) + [UInt8.random(in: 0...255, using: &random)])
        default:
            return mutated(
                Grammar.deliver(1, tag: 1) + Grammar.header(1, size: 3) + Grammar.frame(3, 1, [1, 2, 3]), &random)
        }
    }
}
