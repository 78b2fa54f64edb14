import Foundation

@testable import Records

/// What Foundation takes for JSON and the decoder does not.
enum FoundationTolerance: Hashable {
    case byteOrderMark
    /// UTF-16 or UTF-32, told by its zero bytes.
    case otherEncoding
    /// JSON, but no object.
    case notAnObject
    /// `\u0000`, which PostgreSQL can't store.
    case zeroCharacter
    /// As in `[1,]`, against RFC 8259.
    case trailingComma

    /// Nil if none of them explains why only Foundation takes `body`.
    init?(_ refusal: Refusal, _ value: Any, _ body: [UInt8]) {
        if body.starts(with: [0xEF, 0xBB, 0xBF]) {
            self = .byteOrderMark
        } else if body.prefix(4).contains(0) {
            self = .otherEncoding
        } else if !(value is [String: Any]) {
            self = .notAnObject
        } else if refusal.detail.contains("\\u0000 at byte") {
            self = .zeroCharacter
        } else if Self.follows(comma: refusal, body) {
            self = .trailingComma
        } else {
            return nil
        }
    }

    /// Whether the place of the refusal is a closing bracket after a comma.
    private static func follows(comma refusal: Refusal, _ body: [UInt8]) -> Bool {
        guard let text = refusal.detail.split(separator: "at byte ").last?.prefix(while: \.isNumber),
            let place = Int(text), place < body.count, Array("]}".utf8).contains(body[place])
        else { return false }
        return body[..<place].last { !Array(" \t\r\n".utf8).contains($0) } == UInt8(ascii: ",")
    }
}

/// Reads a two-dimensional array as PostgreSQL would.
enum PostgreSQLArray {
    /// Nil if it is none, or not rectangular.
    static func parse(_ text: String) -> [[Double?]]? {
        if text == "{}" { return [] }
        guard text.hasPrefix("{{"), text.hasSuffix("}}") else { return nil }
        var rows: [[Double?]] = []
        for row in String(text.dropFirst(2).dropLast(2)).components(separatedBy: "},{") {
            var values: [Double?] = []
            for element in row.components(separatedBy: ",") {
                guard let value = element == "NULL" ? .some(nil) : Double(element).map(Optional.some) else {
                    return nil
                }
                values.append(value)
            }
            rows.append(values)
        }
        return Set(rows.map(\.count)).count == 1 ? rows : nil
    }
}
