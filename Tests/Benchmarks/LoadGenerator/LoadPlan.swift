import Records
import TestSupport

/// A message, and what must become of it.
struct LoadMessage {
    enum Fate: Hashable {
        case stored
        /// The key and the content of an earlier message.
        case duplicate
        /// The key of an earlier message, with other content.
        case conflicting
        case quarantined(Refusal.Reason)
    }

    let fate: Fate
    let kind: Int
    let body: [UInt8]
    /// Nil for bad ones.
    let record: RecordText?
}

/// The sequence of messages that options describe.
///
/// Good messages are numbered. A number gives the message's key, and with the seed its content, so that a duplicate is
/// made from the number of an earlier one.
struct LoadPlan {
    private let options: LoadOptions
    private let kinds: [Int]
    private let badMessages: [BadMessage]
    private var random: SeededGenerator
    private var made = 0
    private var good = 0

    init(_ options: LoadOptions) {
        self.options = options
        kinds = options.kindIndices ?? []
        let names = kinds.map { RecordKind.all[$0].name }
        badMessages = BadMessage.small.filter { names.contains($0.kind.name) }
        random = SeededGenerator(seed: options.seed)
    }

    /// The next message; nil at the end.
    mutating func next() -> LoadMessage? {
        guard made < options.count else { return nil }
        made += 1
        let choice = Double.random(in: 0..<1, using: &random)
        if choice < options.bad { return bad() }
        if choice < options.bad + options.duplicates, good > 0 { return message(earlier(), .duplicate) }
        if choice < options.bad + options.duplicates + options.conflicts, good > 0 {
            return message(earlier(), .conflicting)
        }
        good += 1
        return message(good - 1, .stored)
    }

    private mutating func bad() -> LoadMessage {
        let message = badMessages[random.below(badMessages.count)]
        let kind = RecordKind.all.firstIndex { $0.name == message.kind.name }!
        return LoadMessage(fate: .quarantined(message.reason), kind: kind, body: message.body, record: nil)
    }

    /// One of the last few thousand good messages.
    private mutating func earlier() -> Int { good - 1 - random.below(min(good, 5000)) }

    private func message(_ number: Int, _ fate: LoadMessage.Fate) -> LoadMessage {
        let kind = kinds[number % kinds.count]
        let market = number / kinds.count % options.markets + 1
        let slot = number / kinds.count / options.markets
        let content = UInt64(number) << 1 | (fate == .conflicting ? 1 : 0)
        let record = RecordText(
            kind: RecordKind.all[kind].name, market: market, slot: slot, rows: options.candlesPerMessage,
            trace: number, SeededGenerator(seed: options.seed << 40 ^ content))
        return LoadMessage(fate: fate, kind: kind, body: record.body, record: record)
    }
}

extension LoadMessage {
    /// A line for COPY FROM; ``ExpectCommand`` says what is in it.
    var expectation: [UInt8] {
        var line: [UInt8] = []
        func add(_ text: String) { line.append(contentsOf: text.utf8) }
        switch fate {
        case .stored: add("stored\t\\N")
        case .duplicate: add("duplicate\t\\N")
        case .conflicting: add("conflicting\t\\N")
        case .quarantined(let reason): add("quarantined\t\(reason.rawValue)")
        }
        add("\t\(RecordKind.all[kind].name)\t")
        if let record {
            add("\(record.market)\t\(record.start)\t\(record.end)\t\\\\x")
        } else {
            add("\\N\t\\N\t\\N\t\\\\x")
        }
        line.append(hexadecimal: fate == .stored ? record?.outgoing ?? [] : body)
        line.append(UInt8(ascii: "\n"))
        return line
    }
}

extension [UInt8] {
    mutating func append(hexadecimal bytes: [UInt8]) {
        let digits = Array("0123456789abcdef".utf8)
        for byte in bytes {
            append(digits[Int(byte >> 4)])
            append(digits[Int(byte & 15)])
        }
    }
}
