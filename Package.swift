// swift-tools-version: 6.2

import PackageDescription

let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),  // SE-0335
    .enableUpcomingFeature("InternalImportsByDefault"),  // SE-0409
    .enableUpcomingFeature("MemberImportVisibility"),  // SE-0444
    .define("FAILPOINTS", .when(configuration: .debug)),
]

let argumentParser: Target.Dependency = .product(name: "ArgumentParser", package: "swift-argument-parser")
let deque: Target.Dependency = .product(name: "DequeModule", package: "swift-collections")
let heap: Target.Dependency = .product(name: "HeapModule", package: "swift-collections")
let configuration: Target.Dependency = .product(name: "Configuration", package: "swift-configuration")
let httpTypes: Target.Dependency = .product(name: "HTTPTypes", package: "swift-http-types")
let nio: Target.Dependency = .product(name: "NIOCore", package: "swift-nio")
let hummingbird: Target.Dependency = .product(name: "Hummingbird", package: "hummingbird")
let hummingbirdCore: Target.Dependency = .product(name: "HummingbirdCore", package: "hummingbird")
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
let coreMetrics: Target.Dependency = .product(name: "CoreMetrics", package: "swift-metrics")
let lifecycle: Target.Dependency = .product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let unixSignals: Target.Dependency = .product(name: "UnixSignals", package: "swift-service-lifecycle")
let lifecycleTests: Target.Dependency = .product(name: "ServiceLifecycleTestKit", package: "swift-service-lifecycle")

let package = Package(
    name: "candlepost",
    products: [
        .executable(name: "writer", targets: ["Writer"]),
        .executable(name: "relay", targets: ["Relay"]),
        .executable(name: "console", targets: ["Console"]),
        // For LD_PRELOAD, in tests.
        .library(name: "ClockShift", type: .dynamic, targets: ["ClockShift"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-configuration", from: "1.4.0", traits: []),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1", traits: []),
        // Hummingbird's own, for the names of header fields and the addresses of peers.
        .package(url: "https://github.com/apple/swift-http-types.git", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-nio.git", from: "2.101.2"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    ],
    targets: [
        // The three programs.
        .executableTarget(
            name: "Writer",
            dependencies: [
                "AMQP", "CZlib", "EventLoop", "Postgres", "Candlepost", "Quarantine", "Records", "Schema",
                "ProgramRuntime",
                "Storing", "Traces", argumentParser,
                coreMetrics, lifecycle, logging, unixSignals,
            ],
            swiftSettings: settings),
        .executableTarget(
            name: "Relay",
            dependencies: [
                "AMQP", "EventLoop", "Outbox", "Postgres", "Candlepost", "Records", "Schema", "ProgramRuntime",
                "Traces",
                argumentParser, deque,
                heap, lifecycle, logging, coreMetrics, unixSignals,
            ],
            swiftSettings: settings),
        .executableTarget(
            name: "Console",
            dependencies: [
                "AMQP", "Outbox", "Postgres", "Candlepost", "Quarantine", "Records", "Schema", "ProgramRuntime",
                argumentParser,
                coreMetrics, httpTypes, hummingbird, hummingbirdCore, lifecycle, logging, nio,
            ],
            resources: [.embedInCode("Assets/console.css"), .embedInCode("Assets/console.js")],
            swiftSettings: settings),

        // What they share. Each imports only what stands below it.
        .target(
            name: "Outbox",
            dependencies: [
                "AMQP", "Postgres", "Candlepost", "Records", "Schema", "ProgramRuntime", argumentParser, unixSignals,
            ],
            path: "Sources/Shared/Outbox", swiftSettings: settings),
        .target(
            name: "Quarantine",
            dependencies: ["Postgres", "Candlepost", "Records", "ProgramRuntime", "Storing", argumentParser],
            path: "Sources/Shared/Quarantine", swiftSettings: settings),
        .target(
            name: "Storing", dependencies: ["Postgres", "Records", "Schema", "ProgramRuntime"],
            path: "Sources/Shared/Storing", swiftSettings: settings),
        .target(
            name: "Candlepost",
            dependencies: [
                "AMQP", "EventLoop", "Postgres", "Records", "Schema", "ProgramRuntime", lifecycle, logging, coreMetrics,
            ],
            path: "Sources/Shared/Candlepost", swiftSettings: settings),
        .target(
            name: "Schema", dependencies: ["Postgres", "Records", logging], path: "Sources/Shared/Schema",
            swiftSettings: settings),
        .target(
            name: "ProgramRuntime",
            dependencies: ["EventLoop", argumentParser, configuration, coreMetrics, lifecycle, logging],
            path: "Sources/Shared/ProgramRuntime", swiftSettings: settings),
        .target(
            name: "Traces", dependencies: ["ProgramRuntime", coreMetrics, logging], path: "Sources/Shared/Traces",
            swiftSettings: settings),
        .target(
            name: "Records", path: "Sources/Shared/Records",
            resources: ["candle-stick", "order-book", "ticker", "trade", "exchange-rate"].map {
                .embedInCode("kinds/\($0).json")
            },
            swiftSettings: settings),
        .target(
            name: "AMQP", dependencies: ["CRabbitMQ", "EventLoop", deque, logging], path: "Sources/Shared/AMQP",
            swiftSettings: settings),
        .target(
            name: "Postgres", dependencies: ["CLibPQ", "EventLoop", logging], path: "Sources/Shared/Postgres",
            swiftSettings: settings),
        .target(
            name: "EventLoop", dependencies: [deque], path: "Sources/Shared/EventLoop", swiftSettings: settings),
        .systemLibrary(
            name: "CLibPQ", path: "Sources/Shared/CLibPQ", pkgConfig: "libpq", providers: [.apt(["libpq-dev"])]),
        .systemLibrary(
            name: "CZlib", path: "Sources/Shared/CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        .systemLibrary(
            name: "CRabbitMQ", path: "Sources/Shared/CRabbitMQ", pkgConfig: "librabbitmq",
            providers: [.apt(["librabbitmq-dev"])]),

        // Tests and benchmarks.
        .target(
            name: "TestSupport",
            dependencies: ["AMQP", "CRabbitMQ", "EventLoop", "Postgres", "Records", "Schema", logging],
            path: "Tests/TestSupport", swiftSettings: settings),
        .testTarget(name: "RecordsTests", dependencies: ["Records", "TestSupport"], swiftSettings: settings),
        .testTarget(
            name: "PostgresTests", dependencies: ["Postgres", "TestSupport", logging], swiftSettings: settings),
        .testTarget(
            name: "AMQPTests", dependencies: ["AMQP", "EventLoop", "TestSupport", logging], swiftSettings: settings),
        .testTarget(
            name: "ProgramRuntimeTests",
            dependencies: ["ProgramRuntime", argumentParser, coreMetrics, lifecycle, lifecycleTests, logging],
            swiftSettings: settings),
        .testTarget(name: "TracesTests", dependencies: ["ProgramRuntime", "Traces"], swiftSettings: settings),
        .testTarget(
            name: "SchemaTests", dependencies: ["Postgres", "Records", "Schema", "TestSupport", logging],
            swiftSettings: settings),
        .testTarget(
            name: "WriterTests",
            dependencies: [
                "Writer", "AMQP", "Postgres", "Quarantine", "Records", "Schema", "ProgramRuntime", "Storing",
                "TestSupport",
                logging,
            ],
            swiftSettings: settings),
        .testTarget(
            name: "RelayTests",
            dependencies: [
                "Relay", "AMQP", "Outbox", "Postgres", "Candlepost", "Records", "Schema", "ProgramRuntime",
                "TestSupport",
                argumentParser, logging,
            ],
            swiftSettings: settings),
        .target(name: "ClockShift", path: "Tests/ClockShift"),
        .testTarget(
            name: "ConsoleTests", dependencies: ["Console", "Outbox", "Postgres", "ProgramRuntime"],
            swiftSettings: settings),
        // Runs the programs, and so has them built.
        .testTarget(
            name: "EndToEndTests",
            dependencies: [
                "Writer", "Relay", "Console", "AMQP", "CRabbitMQ", "EventLoop", "Postgres", "Records", "TestSupport",
            ],
            swiftSettings: settings),
        .executableTarget(
            name: "DecodeBenchmark", dependencies: ["Records"], path: "Tests/Benchmarks/DecodeBenchmark",
            swiftSettings: settings),
        .executableTarget(
            name: "LoadGenerator", dependencies: ["AMQP", "Records", "TestSupport", argumentParser, logging],
            path: "Tests/Benchmarks/LoadGenerator", swiftSettings: settings),
    ]
)
