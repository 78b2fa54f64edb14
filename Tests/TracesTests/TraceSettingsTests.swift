import ProgramRuntime
import Testing

@testable import Traces

@Suite("Where spans go") struct TraceSettingsTests {
    private func settings(_ environment: [String: String]) throws -> TraceSettings? {
        try TraceSettings(environment: environment, service: "candlepost-relay", version: "1.2.3")
    }

    @Test(arguments: [
        [:], ["OTEL_EXPORTER_OTLP_ENDPOINT": ""],
        ["OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318", "OTEL_SDK_DISABLED": "TRUE"],
        ["OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318", "OTEL_TRACES_EXPORTER": "none"],
        ["OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318", "OTEL_TRACES_SAMPLER": "always_off"],
    ])
    func nowhere(environment: [String: String]) throws { #expect(try settings(environment) == nil) }

    @Test(arguments: [
        ("http://collector", "collector", 4318, "/v1/traces"), ("http://c:80/base/", "c", 80, "/base/v1/traces"),
        ("http://[::1]:9", "::1", 9, "/v1/traces"), ("http://[::1]", "::1", 4318, "/v1/traces"),
    ])
    func aBaseGetsThePathOfTraces(url: String, host: String, port: UInt16, path: String) throws {
        let endpoint = try #require(try settings(["OTEL_EXPORTER_OTLP_ENDPOINT": url])).endpoint
        #expect(endpoint == TraceSettings.Endpoint(host: host, port: port, path: path))
    }

    @Test func itsOwnEndpointIsTakenAsItIs() throws {
        let endpoint = try #require(
            try settings([
                "OTEL_EXPORTER_OTLP_ENDPOINT": "http://other", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://c:1/x/",
            ])
        ).endpoint
        #expect(endpoint == TraceSettings.Endpoint(host: "c", port: 1, path: "/x/"))
    }

    @Test func theRestOfTheEnvironment() throws {
        let settings = try #require(
            try settings([
                "OTEL_EXPORTER_OTLP_ENDPOINT": "http://c", "OTEL_EXPORTER_OTLP_HEADERS": "api-key=a%20b, x = y ,bad",
                "OTEL_EXPORTER_OTLP_TIMEOUT": "250", "OTEL_SERVICE_NAME": "mine",
                "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment=test,service.name=theirs",
            ]))
        #expect(settings.headers == ["api-key": "a b", "x": "y"])
        #expect(settings.timeout == .milliseconds(250))
        #expect(
            settings.resource == [
                "service.name": "mine", "service.version": "1.2.3", "deployment.environment": "test",
            ])
    }

    @Test(arguments: [
        ["OTEL_EXPORTER_OTLP_ENDPOINT": "https://c"], ["OTEL_EXPORTER_OTLP_ENDPOINT": "c:4318"],
        ["OTEL_EXPORTER_OTLP_ENDPOINT": "http://"], ["OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:0"],
        ["OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:x"], ["OTEL_EXPORTER_OTLP_ENDPOINT": "http://user@c"],
        ["OTEL_EXPORTER_OTLP_ENDPOINT": "http://c", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"],
        ["OTEL_EXPORTER_OTLP_ENDPOINT": "http://c", "OTEL_EXPORTER_OTLP_TIMEOUT": "soon"],
    ])
    func whatCannotBeMeantIsRefused(environment: [String: String]) {
        #expect(throws: SettingError.self) { try settings(environment) }
    }
}
