/// The certificates that `scripts/servers` makes (`scripts/lib/certificates.sh`): those of both servers, and such as must
/// be refused.
public enum TestCertificates {
    /// The file of a certificate, for example `ca`, or `expired`.
    public static func certificate(_ name: String) throws -> String { try folder() + "\(name).pem" }

    /// The file of its private key.
    public static func key(_ name: String) throws -> String { try folder() + "\(name).key" }

    private static func folder() throws -> Substring {
        let authority = try TestEnvironment.value(of: "TEST_AMQPS_CA")
        return authority[...(authority.lastIndex(of: "/") ?? authority.startIndex)]
    }
}
