import Foundation

@testable import Records

/// The rules of the contract once more, over what Foundation makes of a message.
struct ReferenceRules {
    /// Reasons for which the message must be refused.
    private(set) var certain: Set<Refusal.Reason> = []
    /// Reasons that can't be told from Foundation's values alone.
    private(set) var possible: Set<Refusal.Reason> = []

    init(_ message: [String: Any], kind: RecordKind) {
        for name in ["exchange", "symbol"] { requireString(message[name]) }
        if let trace = message["collectorTraceId"], !(trace is NSNull) { requireString(trace) }
        checkPayload(message["payload"], kind)
    }

    private mutating func checkPayload(_ value: Any?, _ kind: RecordKind) {
        guard let value else { return missing() }
        guard let payload = value as? [String: Any] else { return wrongType() }
        checkKey(payload)
        for field in kind.fields { check(payload[field.name], field.shape) }
        checkRowTimes(payload, kind)
    }

    private mutating func checkRowTimes(_ payload: [String: Any], _ kind: RecordKind) {
        // As text they have tests of their own, and then anything may follow from them.
        guard let start = payload["intervalStart"].flatMap(FoundationNumber.init)?.double,
            let end = payload["intervalEnd"].flatMap(FoundationNumber.init)?.double
        else { return }
        if start < Double(Timestamp.earliest) || end - start > Double(Timestamp.year)
            || end > Double(Timestamp.latest())
        {
            outOfRange()
        }
        for field in kind.fields {
            guard case .rows(let rule) = field.shape, let index = rule.timeIndex,
                let rows = payload[field.name] as? [Any]
            else { continue }
            for case let row as [Any] in rows where row.count > index {
                guard let time = FoundationNumber(row[index])?.double else { continue }
                if time < start - (end - start) || time > end + (end - start) { outOfRange() }
            }
        }
    }

    private mutating func missing() { certain.insert(.missingField) }
    private mutating func wrongType() { certain.insert(.wrongType) }
    private mutating func outOfRange() { certain.insert(.outOfRange) }

    private mutating func requireString(_ value: Any?) {
        guard let value else { return missing() }
        if !(value is String) { wrongType() }
    }

    private mutating func checkKey(_ payload: [String: Any]) {
        if let market = requireInteger(payload["marketId"]), !(1...2_147_483_647).contains(market) { outOfRange() }
        let start = checkTime(payload["intervalStart"])
        let end = checkTime(payload["intervalEnd"])
        if let start, let end, end <= start { outOfRange() }
    }

    private mutating func checkTime(_ value: Any?) -> Double? {
        if value is String {
            // The forms of a time have tests of their own.
            possible.formUnion([.wrongType, .outOfRange])
            return nil
        }
        let time = requireInteger(value)
        if let time, !Self.times.contains(time) { outOfRange() }
        return time
    }

    private static let times = Double(Timestamp.range.lowerBound)..<Double(Timestamp.range.upperBound)

    private mutating func requireInteger(_ value: Any?) -> Double? {
        guard let value else {
            missing()
            return nil
        }
        guard let number = FoundationNumber(value) else {
            wrongType()
            return nil
        }
        // Digits beyond what a double holds may make it a fraction, or more than 64 bits.
        possible.formUnion([.wrongType, .outOfRange])
        if number.double.rounded() != number.double { wrongType() }
        return number.double
    }

    private mutating func check(_ value: Any?, _ shape: RecordKind.Shape) {
        switch shape {
        case .rows(let rule):
            guard let value else { return missing() }
            guard let rows = value as? [Any] else { return wrongType() }
            for row in rows { check(row: row, rule) }
        case .optionalNumber:
            if let value, !(value is NSNull) { requireNumber(value) }
        case .exactDecimal:
            guard let value else { return missing() }
            checkExact(value)
        }
    }

    private mutating func requireNumber(_ value: Any) {
        guard let number = FoundationNumber(value) else { return wrongType() }
        if number.double == 0 { possible.insert(.outOfRange) }  // underflow, as in 1e-400
    }

    private mutating func checkExact(_ value: Any) {
        possible.insert(.outOfRange)  // too many digits
        if let text = value as? String {
            let json = try? JSONSerialization.jsonObject(with: Data(text.utf8), options: .fragmentsAllowed)
            if let json, FoundationNumber(json) != nil { return }
            possible.insert(.wrongType)
        } else {
            requireNumber(value)
        }
    }

    private mutating func check(row: Any, _ rule: RowRule) {
        if row is NSNull, rule.allowsNullRows { return }
        guard let row = row as? [Any] else { return wrongType() }
        if row.count < rule.minimumWidth { missing() }
        if row.count > FieldScanner.maximumWidth { outOfRange() }
        var values = RowValues(repeating: .nan)
        for (index, element) in row.enumerated() {
            if element is NSNull, rule.allowsNull, index != rule.timeIndex { continue }
            requireNumber(element)
            guard let number = FoundationNumber(element)?.double else { continue }
            if index < 6 { values[index] = number }
            if index == rule.timeIndex, number.rounded() != number || !Self.times.contains(number) { outOfRange() }
            if index == rule.timeIndex { possible.insert(.outOfRange) }
        }
        if rule.complaint(values) != nil { outOfRange() }
    }
}

/// A number as Foundation read it, to the last bit.
struct FoundationNumber {
    let double: Double

    /// Nil if `value` is none; true and false are none.
    init?(_ value: Any) {
        guard let number = value as? NSNumber, String(cString: number.objCType) != "c" else { return nil }
        // The double of a decimal number is off by some bits; its text isn't.
        double = number is NSDecimalNumber ? Double(number.stringValue)! : number.doubleValue
    }
}
