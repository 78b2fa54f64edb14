import FoundationEssentials

/// What is wrong with an import file.
struct MarketsFileError: Error, CustomStringConvertible {
    let description: String
}

enum MarketsJSON {
    static func parse(_ data: Data) throws(MarketsFileError) -> [ExchangeEntry] {
        do {
            return try JSONDecoder().decode([ExchangeEntry].self, from: data)
        } catch DecodingError.keyNotFound(let key, let context) {
            throw MarketsFileError(description: "\(Self.path(context.codingPath)) has no \(key.stringValue)")
        } catch DecodingError.typeMismatch(_, let context), DecodingError.valueNotFound(_, let context) {
            throw MarketsFileError(description: "\(Self.path(context.codingPath)): \(context.debugDescription)")
        } catch {
            throw MarketsFileError(description: "is not JSON of the expected shape")
        }
    }

    private static func path(_ keys: [any CodingKey]) -> String {
        guard !keys.isEmpty else { return "the file" }
        return keys.reduce("") { $0 + ($1.intValue.map { "[\($0)]" } ?? ".\($1.stringValue)") }
    }
}

enum MarketsCSV {
    static let header = [
        "exchange_id", "external_exchange_id", "exchange_name", "id", "external_market_id", "symbol", "base", "quote",
        "active",
    ]

    static func parse(_ data: Data) throws(MarketsFileError) -> [ExchangeEntry] {
        var text = Substring(decoding: data, as: UTF8.self)
        if text.unicodeScalars.first == "\u{FEFF}" { text.unicodeScalars.removeFirst() }
        let lines = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
        guard fields(lines[0]) == header else {
            throw MarketsFileError(description: "line 1: expected \(header.joined(separator: ","))")
        }
        var exchanges: [ExchangeEntry] = []
        for (index, line) in lines.enumerated().dropFirst() where !line.isEmpty {
            let fields = fields(line)
            guard fields.count == header.count, let exchangeID = Int32(fields[0]), let id = Int32(fields[3]),
                let active = ["true": true, "t": true, "1": true, "false": false, "f": false, "0": false][fields[8]]
            else {
                throw MarketsFileError(
                    description:
                        "line \(index + 1): expected \(header.count) fields, ids as numbers, active true or false")
            }
            let market = MarketEntry(
                id: id, externalMarketId: fields[4], symbol: fields[5], base: fields[6].isEmpty ? nil : fields[6],
                quote: fields[7].isEmpty ? nil : fields[7], active: active)
            if let place = exchanges.firstIndex(where: { $0.id == exchangeID }) {
                exchanges[place].markets.append(market)
            } else {
                exchanges.append(
                    ExchangeEntry(id: exchangeID, externalExchangeId: fields[1], name: fields[2], markets: [market]))
            }
        }
        return exchanges
    }

    /// The fields of a line of RFC 4180; a field may be quoted, but not contain a line break.
    private static func fields(_ line: Substring) -> [String] {
        var fields: [String] = [""]
        var isQuoted = false
        var previous: Character?
        for character in line {
            switch character {
            case "\"":
                if !isQuoted && previous == "\"" { fields[fields.count - 1].append("\"") }
                isQuoted.toggle()
            case "," where !isQuoted: fields.append("")
            default: fields[fields.count - 1].append(character)
            }
            previous = character
        }
        return fields
    }
}
