import AMQP
import Testing

@Suite struct AMQPEndpointTests {
    @Test(arguments: [
        ("amqp://h", AMQPEndpoint(host: "h")),
        ("amqp://h/", AMQPEndpoint(host: "h")),
        ("amqp://h//", AMQPEndpoint(host: "h")),
        ("amqp://h/%2F", AMQPEndpoint(host: "h")),
        ("AMQPS://h/prices", AMQPEndpoint(host: "h", port: 5671, virtualHost: "prices", tls: AMQPTLS())),
        ("amqp://u:p@h:99/v", AMQPEndpoint(host: "h", port: 99, user: "u", password: "p", virtualHost: "v")),
        ("amqp://u%40x:p%2C%2f%3A%40@h", AMQPEndpoint(host: "h", user: "u@x", password: "p,/:@")),
        ("amqp://u:p@ss@h", AMQPEndpoint(host: "h", user: "u", password: "p@ss")),
        ("amqp://u:@h", AMQPEndpoint(host: "h", user: "u", password: "")),
        ("amqp://[::1]:99", AMQPEndpoint(host: "::1", port: 99)),
        ("amqp://[::1]/v", AMQPEndpoint(host: "::1", virtualHost: "v")),
    ])
    func anAddressIsTakenApart(url: String, expected: AMQPEndpoint) throws {
        #expect(try AMQPEndpoint.parse(url) == [expected])
    }

    @Test func severalAddressesAreSeparatedByCommas() throws {
        let endpoints = try AMQPEndpoint.parse("amqp://a:1@h1, amqps://b:2@h2:3")
        #expect(endpoints.map(\.host) == ["h1", "h2"])
        #expect(endpoints.map(\.port) == [5672, 3])
    }

    @Test(arguments: [
        "", "h", "http://h", "amqp://", "amqp://u:secret@", "amqp://u:secret@h:0", "amqp://u:secret@h:x",
        "amqp://u:secret@h:70000", "amqp://u:secret%4@h", "amqp://u:secret%zz@h", "amqp://u:secret%00@h",
        "amqp://u:secret%FF@h", "amqp://secret@h", "amqp://u:secret@h/a/b", "amqp://u:secret@h?x=1", "amqp://[::1",
        "amqp://u:secret@h,", "amqp://u:secret@[::1]x",
    ])
    func aWrongAddressIsRefusedWithoutItsPassword(url: String) throws {
        let error = #expect(throws: AMQPError.self) { try AMQPEndpoint.parse(url) }
        #expect(error?.kind == .wrongURL)
        #expect(error?.recovery == .fix)
        #expect(error?.description.contains("secret") == false)
    }

    @Test func theQuerySaysHowTLSIsDone() throws {
        func tls(_ query: String) throws -> AMQPTLS? { try AMQPEndpoint.parse("amqps://u:p@h/v?\(query)")[0].tls }
        #expect(try AMQPEndpoint.parse("amqps://h?")[0].tls == AMQPTLS())
        #expect(try tls("cacertfile=/my%2Cca.pem")?.authorityFile == "/my,ca.pem")
        #expect(try tls("verify=verify_none")?.verifiesBroker == false)
        #expect(try tls("verify=verify_peer") == AMQPTLS())
        let client = try #require(try tls("certfile=/c.pem&keyfile=/c.key")?.client)
        #expect(client.certificateFile == "/c.pem" && client.keyFile == "/c.key")
        #expect(try tls("certfile=/both.pem")?.client?.keyFile == "/both.pem")
    }

    @Test(arguments: [
        "amqps://u:p@h?verify=no", "amqps://u:p@h?keyfile=secret", "amqps://u:sec?ret=x@h", "amqps://u:p@h?secret",
        "amqps://u:p@h?heartbeat=secret", "amqps://u:p@h?server_name_indication=secret", "amqps://u:p@h?cacertfile=%zz",
        "amqp://u:p@h?cacertfile=secret", "amqp://u:sec?ret@h", "amqps://u:sec#ret@h",
    ])
    func aWrongQueryIsRefusedWithoutShowingIt(url: String) throws {
        let error = #expect(throws: AMQPError.self) { try AMQPEndpoint.parse(url) }
        #expect(error?.kind == .wrongURL)
        #expect(error?.description.contains("sec") == false && error?.description.contains("ret=") == false)
    }

    @Test(arguments: [
        ("amqp://localhost", false), ("amqp://127.0.0.1", false), ("amqp://127.1.2.3", false), ("amqp://[::1]", false),
        ("amqps://rabbitmq", false), ("amqp://rabbitmq", true), ("amqp://10.0.0.1", true), ("amqp://[fe80::1]", true),
        ("amqp://127.0.0.1.example.org", true), ("amqp://localhost.example.org", true),
    ])
    func plaintextToAnotherMachineIsExposed(url: String, isExposed: Bool) throws {
        let endpoint = try AMQPEndpoint.parse(url)[0]
        #expect(endpoint.isExposed == isExposed)
        #expect((endpoint.warning != nil) == isExposed)
    }

    @Test func noDescriptionShowsThePassword() throws {
        let endpoint = try #require(try AMQPEndpoint.parse("amqp://user:secret@h/v").first)
        var dumped = ""
        dump(endpoint, to: &dumped)
        dump(AMQPConfiguration(endpoints: [endpoint], connectionName: "test"), to: &dumped)
        for text in ["\(endpoint)", String(reflecting: endpoint), "\([endpoint])", dumped] {
            #expect(!text.contains("secret") && !text.contains("user"))
        }
        #expect("\(endpoint)" == "amqp://h:5672/v")
    }
}
