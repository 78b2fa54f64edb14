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

let package = Package(
    name: "candlepost",
    products: [],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-configuration", from: "1.4.0", traits: []),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/swhitty/FlyingFox", from: "0.27.1"),
    ],
    targets: [
        .target(
            name: "EventLoop", path: "Sources/Shared/EventLoop", swiftSettings: settings),
        .target(
            name: "Records", path: "Sources/Shared/Records", swiftSettings: settings),
        .testTarget(
            name: "RecordsTests", dependencies: ["Records"], path: "Tests/RecordsTests", swiftSettings: settings),
        .executableTarget(
            name: "DecodeBenchmark", dependencies: ["Records"], path: "Tests/Benchmarks/DecodeBenchmark",
            swiftSettings: settings),
    ]
)
