import Glibc

/// What the endpoint answers to whom.
struct OperationsRoutes: Sendable {
    let readiness: Readiness
    let metrics: PrometheusRegistry
    /// Whether the listener can be reached from other machines.
    let isReachable: Bool
    /// What a caller from another machine must present for more than yes and no; nil: nobody can.
    let token: String?
    /// The environment name of the setting of that token.
    let tokenSetting: String

    func answer(to request: HTTPRequestHead, at now: ContinuousClock.Instant = .now) -> HTTPAnswer {
        guard isReachable || request.host.map(Self.isLocal) ?? true else {
            return HTTPAnswer(status: .misdirected, body: "this address answers to localhost alone\n")
        }
        guard ["/livez", "/readyz", "/metrics"].contains(request.path) else {
            return HTTPAnswer(status: .notFound, body: "not found: there are /livez, /readyz and /metrics\n")
        }
        guard request.method == "GET" else {
            return HTTPAnswer(status: .methodNotAllowed, headers: ["Allow: GET"], body: "only GET\n")
        }
        switch request.path {
        case "/livez": return HTTPAnswer(status: .ok, body: "ok\n")
        case "/readyz": return readyz(isTrusted: isTrusted(request), at: now)
        default: return isTrusted(request) ? scrape(accept: request.accept) : refusal
        }
    }

    private func readyz(isTrusted: Bool, at now: ContinuousClock.Instant) -> HTTPAnswer {
        let snapshot = readiness.snapshot
        let missing = snapshot.isReady ? ["ready"] : isTrusted ? snapshot.missing(at: now) : ["not ready"]
        let lines = missing + (isTrusted ? snapshot.remarks : [])
        if snapshot.isReady { return HTTPAnswer(status: .ok, body: lines.map { $0 + "\n" }.joined()) }
        return HTTPAnswer(status: .unavailable, body: lines.map { $0 + "\n" }.joined())
    }

    private func scrape(accept: String) -> HTTPAnswer {
        let (contentType, text) = metrics.scrape(accept: accept)
        return HTTPAnswer(status: .ok, contentType: contentType, body: text)
    }

    private var refusal: HTTPAnswer {
        guard token != nil else {
            let hint = "from other machines metrics need a token: set \(tokenSetting)\n"
            return HTTPAnswer(status: .forbidden, body: hint)
        }
        return HTTPAnswer(
            status: .unauthorized, headers: ["WWW-Authenticate: Bearer"], body: "the bearer token is missing or wrong\n"
        )
    }

    private func isTrusted(_ request: HTTPRequestHead) -> Bool {
        guard isReachable else { return true }
        guard let token, let given = request.bearerToken else { return false }
        return SecretText.areEqual(token, given)
    }

    /// Whether a name can only mean this machine: a page of elsewhere, whose name leads here by DNS, does not ask for one.
    static func isLocal(_ host: String) -> Bool {
        var address = in_addr()
        if inet_pton(AF_INET, host, &address) == 1 { return UInt32(bigEndian: address.s_addr) >> 24 == 127 }
        return host.lowercased() == "localhost" || host == "[::1]"
    }
}
