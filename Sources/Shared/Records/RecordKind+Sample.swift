extension RecordKind {
    /// A message of this kind that nothing is wrong with, for the market 1.
    /// - Parameter start: of its interval of a minute, in milliseconds since 1970.
    public func sample(at start: Int64 = 1_704_067_200_000) -> String {
        let fields = fields.map { "\"\($0.name)\":\($0.rule.shape.sample(at: start))," }.joined()
        return """
            {"exchange":"e","symbol":"s","payload":{\(fields)"intervalStart":\(start),"intervalEnd":\(start + 60_000),\
            "marketId":1}}
            """
    }
}

extension RecordKind.Shape {
    /// One fulfils every rule.
    fileprivate func sample(at start: Int64) -> String {
        switch self {
        case .number, .integer, .json: "1"
        case .decimal, .text: "\"1\""
        case .boolean: "true"
        case .rows(let rule):
            "[[\(rule.elements.indices.map { $0 == rule.timeIndex ? String(start) : "1" }.joined(separator: ","))]]"
        }
    }
}
