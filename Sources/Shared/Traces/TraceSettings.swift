public import ProgramRuntime

/// Where spans go: the variables of the OpenTelemetry specification, as far as they mean something here.
///
/// Off unless an endpoint is named. What is sampled is the sender's decision: a span is made of events whose `traceparent` says so, and of
/// no others, so `OTEL_TRACES_SAMPLER` can only turn them off.
public struct TraceSettings: Sendable, Equatable {
    /// A collector's address.
    public struct Endpoint: Sendable, Equatable {
        /// A name or a numeric address.
        public let host: String
        public let port: UInt16
        /// With its leading slash.
        public let path: String
    }

    public let endpoint: Endpoint
    /// Sent with each request.
    public let headers: [String: String]
    /// How long a request may take.
    public let timeout: Duration
    /// What describes the process; `service.name` is among them.
    public let resource: [String: String]

    /// - Parameters:
    ///   - environment: the variables of the process.
    ///   - service: the service's name unless `OTEL_SERVICE_NAME` or `OTEL_RESOURCE_ATTRIBUTES` has another.
    ///   - version: the service's version.
    /// - Returns: nil where no spans are wanted.
    /// - Throws: ``SettingError`` for a value that cannot be meant.
    public init?(environment: [String: String], service: String, version: String) throws(SettingError) {
        let value = { (name: String) in environment[name].flatMap { $0.isEmpty ? nil : $0 } }
        guard value("OTEL_SDK_DISABLED")?.lowercased() != "true", value("OTEL_TRACES_EXPORTER") != "none",
            value("OTEL_TRACES_SAMPLER") != "always_off"
        else { return nil }
        let own = "OTEL_EXPORTER_OTLP_TRACES_"
        if let url = value("\(own)ENDPOINT") {
            endpoint = try Self.endpoint(url, of: "\(own)ENDPOINT", adding: "")
        } else if let url = value("OTEL_EXPORTER_OTLP_ENDPOINT") {
            endpoint = try Self.endpoint(url, of: "OTEL_EXPORTER_OTLP_ENDPOINT", adding: "/v1/traces")
        } else {
            return nil
        }
        for name in ["\(own)PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"] {
            guard let spoken = value(name), spoken != "http/protobuf" else { continue }
            throw SettingError(setting: name, problem: "is \"\(spoken)\", but may be: http/protobuf")
        }
        headers = Self.pairs(value("\(own)HEADERS") ?? value("OTEL_EXPORTER_OTLP_HEADERS") ?? "")
        let milliseconds = value("\(own)TIMEOUT") ?? value("OTEL_EXPORTER_OTLP_TIMEOUT") ?? "10000"
        guard let limit = Int(milliseconds), (1...600_000).contains(limit) else {
            throw SettingError(
                setting: "OTEL_EXPORTER_OTLP_TIMEOUT",
                problem: "is \"\(milliseconds)\", but may be: 1 to 600000 milliseconds")
        }
        timeout = .milliseconds(limit)
        var resource = ["service.name": service, "service.version": version]
        resource.merge(Self.pairs(value("OTEL_RESOURCE_ATTRIBUTES") ?? "")) { $1 }
        resource["service.name"] = value("OTEL_SERVICE_NAME") ?? resource["service.name"]
        self.resource = resource
    }

    /// Plain HTTP only: a collector on this machine, or in this pod or private network, is where TLS to others begins.
    private static func endpoint(
        _ url: String, of setting: String, adding suffix: String
    ) throws(SettingError) -> Endpoint {
        let wrong = SettingError(
            setting: setting,
            problem: "is \"\(url)\", but may be: http://HOST:PORT of a collector nearby, without TLS")
        guard url.hasPrefix("http://") else { throw wrong }
        let rest = url.dropFirst(7)
        let authority = rest.prefix { $0 != "/" }
        let path = rest.dropFirst(authority.count)
        let isNumeric6 = authority.hasPrefix("[")
        let hostEnd = isNumeric6 ? authority.firstIndex(of: "]") : authority.lastIndex(of: ":") ?? authority.endIndex
        guard let hostEnd, !authority.contains("@") else { throw wrong }
        let host = isNumeric6 ? authority[..<hostEnd].dropFirst() : authority[..<hostEnd]
        let port = authority[hostEnd...].drop { $0 == "]" }
        guard !host.isEmpty, port.isEmpty || port.hasPrefix(":") else { throw wrong }
        guard let number = port.isEmpty ? 4318 : UInt16(port.dropFirst()), number > 0 else { throw wrong }
        let base = path.hasSuffix("/") && !suffix.isEmpty ? path.dropLast() : path
        let whole = base + suffix
        return Endpoint(host: String(host), port: number, path: whole.isEmpty ? "/" : String(whole))
    }

    /// `key=value,key=value`, values percent-encoded.
    private static func pairs(_ text: String) -> [String: String] {
        var pairs: [String: String] = [:]
        for part in text.split(separator: ",") {
            guard let equals = part.firstIndex(of: "=") else { continue }
            let key = part[..<equals].trimmed
            let value = part[part.index(after: equals)...].trimmed
            if !key.isEmpty { pairs[String(key)] = decoded(value) }
        }
        return pairs
    }

    private static func decoded(_ text: Substring) -> String {
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "%"), rest.count >= 2,
                let code = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16)
            {
                bytes.append(code)
                rest = rest.dropFirst(2)
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

extension Substring {
    fileprivate var trimmed: Substring {
        let start = drop { $0.isWhitespace }
        guard let last = start.lastIndex(where: { !$0.isWhitespace }) else { return "" }
        return start[...last]
    }
}
