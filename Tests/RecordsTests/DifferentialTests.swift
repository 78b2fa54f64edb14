import Foundation
import Testing

@testable import Records

/// The decoder against Foundation's parser, on messages that are nearly right.
///
/// Where ours takes a message, Foundation must take it too, with equal values. Where only Foundation does, the message
/// breaks a rule of the contract, or is among the things that Foundation tolerates (``FoundationTolerance``).
@Suite struct DifferentialTests {
    private enum Outcome: Hashable {
        case bothTake
        case bothRefuse
        case rule(Refusal.Reason)
        case tolerance(FoundationTolerance)
        case hugeUnknownNumber
    }

    @Test(arguments: MessageMutator.kinds.indices)
    func `ours and Foundation agree`(_ kind: Int) {
        var mutator = MessageMutator(seed: UInt64(kind) + 1)
        var outcomes: [Outcome: Int] = [:]
        for _ in 0..<4_000 {
            let body = mutator.next(kind: kind)
            if let outcome = compare(body, MessageMutator.kinds[kind]) { outcomes[outcome, default: 0] += 1 }
        }
        // Else the mutations are too wild, or too tame, to show anything.
        for outcome in [Outcome.bothTake, .bothRefuse] { #expect(outcomes[outcome, default: 0] > 400, "\(outcomes)") }
        for reason in [Refusal.Reason.missingField, .wrongType, .outOfRange, .duplicateField] {
            #expect(outcomes[.rule(reason), default: 0] > 10, "\(reason) of \(outcomes)")
        }
    }

    private func compare(_ body: [UInt8], _ kind: RecordKind) -> Outcome? {
        let text = String(decoding: body, as: UTF8.self)
        let theirs = Result { try JSONSerialization.jsonObject(with: Data(body)) }
        do throws(Refusal) {
            let decoded = try decode(body, as: kind)
            guard case .success(let value) = theirs else { return explainTaken(theirs, text) }
            expectEqual(decoded, value as? [String: Any] ?? [:], kind, text)
            return .bothTake
        } catch {
            guard case .success(let value) = theirs else { return .bothRefuse }
            return explain(error, value, body, kind)
        }
    }

    /// Foundation refuses numbers beyond a double also where nobody reads them; they are JSON, and are published as
    /// they came.
    private func explainTaken(_ theirs: Result<Any, any Error>, _ text: String) -> Outcome? {
        let isRange = "\(theirs)".contains("is not representable")
        #expect(isRange, "only ours takes \(text): \(theirs)")
        return .hugeUnknownNumber
    }

    private func explain(_ refusal: Refusal, _ value: Any, _ body: [UInt8], _ kind: RecordKind) -> Outcome? {
        let text = String(decoding: body, as: UTF8.self)
        if refusal.reason == .notJSON {
            let tolerance = FoundationTolerance(refusal, value, body)
            #expect(tolerance != nil, "only Foundation takes \(text): \(refusal.detail)")
            return tolerance.map(Outcome.tolerance)
        }
        if [.duplicateField, .tooDeep].contains(refusal.reason) || hidesValues(text, kind) {
            return .rule(refusal.reason)
        }
        let rules = ReferenceRules(value as? [String: Any] ?? [:], kind: kind)
        #expect(rules.certain.union(rules.possible).contains(refusal.reason), "\(refusal.detail) in \(text)")
        return .rule(refusal.reason)
    }

    /// Whether a name stands twice: Foundation shows the last one only.
    private func hidesValues(_ text: String, _ kind: RecordKind) -> Bool {
        let names = ["exchange", "symbol", "payload", "collectorTraceId", "intervalStart", "intervalEnd", "marketId"]
        return (names + kind.fields.map(\.name)).contains { text.components(separatedBy: "\"\($0)\"").count > 2 }
    }

    // MARK: values

    private func expectEqual(_ ours: Decoded, _ theirs: [String: Any], _ kind: RecordKind, _ text: String) {
        let rules = ReferenceRules(theirs, kind: kind)
        #expect(rules.certain.isEmpty, "\(rules.certain) in \(text)")
        #expect(string(ours.exchange) == theirs["exchange"] as? String, "\(text)")
        #expect(string(ours.symbol) == theirs["symbol"] as? String, "\(text)")
        #expect(ours.traceID.flatMap(string) == theirs["collectorTraceId"] as? String, "\(text)")
        guard let payload = theirs["payload"] as? [String: Any] else { return }
        #expect(FoundationNumber(payload["marketId"] as Any)?.double == Double(ours.key.market), "\(text)")
        expectTime(ours.key.intervalStart, payload["intervalStart"], text)
        expectTime(ours.key.intervalEnd, payload["intervalEnd"], text)
        for field in kind.fields {
            let (column, value) = (ours.columns[field.column], payload[field.name])
            let equal = field.type == .json ? isSameJSON(column, value) : isEqual(column, value)
            #expect(equal, "\(field.column) is \(ours.columns[field.column] ?? "null") of \(text)")
        }
    }

    /// The characters of a JSON string.
    private func string(_ json: String) -> String? {
        try? JSONSerialization.jsonObject(with: Data(json.utf8), options: .fragmentsAllowed) as? String
    }

    private func expectTime(_ ours: Int64, _ theirs: Any?, _ text: String) {
        if let number = FoundationNumber(theirs as Any) {
            #expect(number.double == Double(ours), "\(text)")
        } else if let date = try? Date(theirs as? String ?? "", strategy: .iso8601) {
            // Ours cuts what follows the third digit.
            #expect(abs(date.timeIntervalSince1970 * 1000 - Double(ours)) < 1.01, "\(text)")
        }
    }

    private func isSameJSON(_ ours: String?, _ theirs: Any?) -> Bool {
        let read = ours.flatMap {
            try? JSONSerialization.jsonObject(with: Data($0.utf8), options: .fragmentsAllowed) as? NSObject
        }
        return read == theirs as? NSObject
    }

    private func isEqual(_ ours: String?, _ theirs: Any?) -> Bool {
        switch theirs {
        case nil, is NSNull: ours == nil
        case let rows as [[Any]]: ours.flatMap(PostgreSQLArray.parse) == padded(rows)
        case let text as String: ours == text
        case let value? where FoundationNumber.isBoolean(value): ours == (value as? Bool == true ? "true" : "false")
        case let value?: ours.flatMap(Double.init) == FoundationNumber(value)?.double
        }
    }

    private func padded(_ rows: [[Any]]) -> [[Double?]] {
        let width = rows.map(\.count).max() ?? 0
        return rows.map { row in
            row.map { FoundationNumber($0)?.double } + Array(repeating: nil, count: width - row.count)
        }
    }
}
