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
        for field in kind.fields { check(payload[field.name], field) }
        for pair in kind.layout.comparisons {
            let numbers = [pair.first, pair.second].map { payload[kind.fields[$0].name].flatMap(FoundationNumber.init) }
            if let first = numbers[0], let second = numbers[1], first.double < second.double { outOfRange() }
        }
        checkRowTimes(payload, kind)
    }

    private mutating func checkRowTimes(_ payload: [String: Any], _ kind: RecordKind) {
        // As text they have tests of their own, and then anything may follow from them.
        guard let start = payload["intervalStart"].flatMap(FoundationNumber.init)?.double,
            let end = payload["intervalEnd"].flatMap(FoundationNumber.init)?.double
        else { return }
        if start < Double(MessageTime.earliest) || end - start > Double(MessageTime.year)
            || end > Double(MessageTime.latest())
        {
            outOfRange()
        }
        for field in kind.fields {
            guard case .rows(let rule) = field.rule.shape, let index = rule.timeIndex,
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

    private static let times = Double(MessageTime.range.lowerBound)..<Double(MessageTime.range.upperBound)

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

    private mutating func check(_ value: Any?, _ field: RecordKind.Field) {
        guard let value else { return field.isRequired ? missing() : () }
        if value is NSNull, field.allowsNull { return }
        switch field.rule.shape {
        case .rows(let rule):
            guard let rows = value as? [Any] else { return wrongType() }
            for row in rows { check(row: row, rule) }
        case .number: requireNumber(value, mayBeNegative: !field.rule.isNotNegative)
        case .integer:
            if let number = requireInteger(value), number < 0, field.rule.isNotNegative { outOfRange() }
        case .decimal: checkExact(value, mayBeNegative: !field.rule.isNotNegative)
        case .text: if !(value is String) { wrongType() }
        case .boolean: if !FoundationNumber.isBoolean(value) { wrongType() }
        case .json: if value is NSNull { wrongType() }
        }
    }

    private mutating func requireNumber(_ value: Any, mayBeNegative: Bool = true) {
        guard let number = FoundationNumber(value) else { return wrongType() }
        if number.double == 0 { possible.insert(.outOfRange) }  // underflow, as in 1e-400
        if number.double < 0, !mayBeNegative { outOfRange() }
    }

    private mutating func checkExact(_ value: Any, mayBeNegative: Bool) {
        possible.insert(.outOfRange)  // too many digits
        if let text = value as? String {
            let json = try? JSONSerialization.jsonObject(with: Data(text.utf8), options: .fragmentsAllowed)
            if let json, let number = FoundationNumber(json) {
                if number.double < 0, !mayBeNegative { outOfRange() }
                return
            }
            possible.insert(.wrongType)
        } else {
            requireNumber(value, mayBeNegative: mayBeNegative)
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
            if index < values.count { values[index] = number }
            if index == rule.timeIndex, number.rounded() != number || !Self.times.contains(number) { outOfRange() }
            if index == rule.timeIndex { possible.insert(.outOfRange) }
        }
        if rule.complaint(values) != nil { outOfRange() }
    }
}

/// A number as Foundation read it, to the last bit.
struct FoundationNumber {
    let double: Double

    /// Whether `value` is true or false.
    static func isBoolean(_ value: Any) -> Bool {
        (value as? NSNumber).map { String(cString: $0.objCType) == "c" } ?? false
    }

    /// Nil if `value` is none; true and false are none.
    init?(_ value: Any) {
        guard let number = value as? NSNumber, !Self.isBoolean(value) else { return nil }
        // The double of a decimal number is off by some bits; its text isn't.
        double = number is NSDecimalNumber ? Double(number.stringValue)! : number.doubleValue
    }
}
