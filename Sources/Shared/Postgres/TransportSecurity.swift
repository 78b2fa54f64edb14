import Glibc

/// How a connection is protected where the conninfo does not say: whoever is not on this machine has to prove who he is.
enum TransportSecurity {
    /// The options that are missing for one host.
    /// - Parameters:
    ///   - options: those of the conninfo, by libpq's keyword.
    ///   - environment: the variables that libpq reads.
    static func defaults(
        for options: [String: String], environment: (String) -> String? = variable,
        fileExists: (String) -> Bool = { access($0, R_OK) == 0 }
    ) -> [String: String] {
        var added: [String: String] = [:]
        let mode = options["sslmode"] ?? environment("PGSSLMODE")
        if mode == nil && !isLocal(options, environment) { added["sslmode"] = "verify-full" }
        // Without a file libpq refuses to verify anything; 15 does not know the system's authorities yet.
        let home = environment("HOME").map { $0 + "/.postgresql/root.crt" }
        if (mode ?? added["sslmode"]) == "verify-full", options["sslrootcert"] == nil,
            environment("PGSSLROOTCERT") == nil, !(home.map(fileExists) ?? false), fileExists(systemCertificates)
        {
            added["sslrootcert"] = systemCertificates
        }
        return added
    }

    /// The authorities that the system trusts: Debian's package `ca-certificates`.
    static let systemCertificates = "/etc/ssl/certs/ca-certificates.crt"

    /// Whether what is sent stays on this machine, by everything that is said of the host. What only a service file knows
    /// counts as elsewhere.
    private static func isLocal(_ options: [String: String], _ environment: (String) -> String?) -> Bool {
        if options["service"] != nil || environment("PGSERVICE") != nil { return false }
        let host = options["host"] ?? environment("PGHOST")
        let address = options["hostaddr"] ?? environment("PGHOSTADDR")
        return [host, address].compactMap(\.self).flatMap { $0.split(separator: ",") }.allSatisfy(isLocal)
    }

    /// A path is that of a Unix socket.
    private static func isLocal(_ host: Substring) -> Bool {
        if host.hasPrefix("/") || host.hasPrefix("@") || host == "localhost" || host == "::1" { return true }
        var address = in_addr()
        return inet_pton(AF_INET, String(host), &address) == 1 && UInt32(bigEndian: address.s_addr) >> 24 == 127
    }

    static func variable(_ name: String) -> String? {
        getenv(name).map { String(cString: $0) }.flatMap { $0.isEmpty ? nil : $0 }
    }
}
