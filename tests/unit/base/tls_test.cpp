// TLS over a network in memory: who is let in, who is not, and that nobody waits for anybody.
#include <boost/asio/this_coro.hpp>
#include <boost/test/unit_test.hpp>
#include <functional>

#include "raw_tls_client.hpp"
#include "tls_world.hpp"

using namespace comet;
using namespace std::chrono_literals;
using test::RawTlsClient;
using test::TlsWorld;

namespace {

asio::awaitable<error_code> write_text(Stream& stream, std::string text) {
  const asio::const_buffer buffer(text.data(), text.size());
  IoResult result = co_await stream.write(std::span(&buffer, 1));
  if (!result.error && result.size != text.size()) co_return asio::error::fault;
  co_return result.error;
}

// Until there are so many bytes, or an error.
asio::awaitable<error_code> read_text(Stream& stream, std::string& text, std::size_t size) {
  std::string chunk(8192, '\0');
  while (text.size() < size) {
    IoResult result = co_await stream.read_some(asio::buffer(chunk));
    if (result.error) co_return result.error;
    text.append(chunk.data(), result.size);
  }
  co_return error_code();
}

// Tasks are to be cancelled on their own executor.
asio::awaitable<void> end(TaskGroup& tasks) {
  tasks.cancel();
  co_await tasks.join();
}

// Sends back what comes; keeps how each connection ended and when.
class EchoServer {
 public:
  EchoServer(TlsWorld& world, Network& network)
      : world_(world),
        listener_(network.listen(world.executor(), world.at)),
        tasks_(world.executor(), world.time) {
    tasks_.spawn("accept", accept_all(*this));
  }
  ~EchoServer() {
    listener_->close();
    world_.run(end(tasks_));
  }
  EchoServer(const EchoServer&) = delete;
  EchoServer& operator=(const EchoServer&) = delete;

  std::vector<error_code> ends;
  std::vector<Instant> end_times;

 private:
  static asio::awaitable<void> accept_all(EchoServer& server) {
    for (;;) {
      std::unique_ptr<Stream> stream = co_await server.listener_->accept(server.world_.executor());
      server.tasks_.spawn("echo", echo(server, std::move(stream)));
    }
  }
  static asio::awaitable<void> echo(EchoServer& server, std::unique_ptr<Stream> stream) {
    std::string chunk(8192, '\0');
    error_code problem;
    while (!problem) {
      IoResult result = co_await stream->read_some(asio::buffer(chunk));
      problem = result.error;
      if (!problem) problem = co_await write_text(*stream, chunk.substr(0, result.size));
    }
    server.ends.push_back(problem);
    server.end_times.push_back(server.world_.time.now());
  }

  TlsWorld& world_;
  std::unique_ptr<Listener> listener_;
  TaskGroup tasks_;
};

// One message there and back; throws what went wrong.
asio::awaitable<std::string> say(TlsWorld& world, Network& network, std::string text) {
  std::unique_ptr<Stream> stream = co_await network.connect(world.at, world.time.now() + 3s);
  error_code problem = co_await write_text(*stream, text);
  std::string answer;
  if (!problem) problem = co_await read_text(*stream, answer, text.size());
  stream->close();
  if (problem) throw Error(problem, "say");
  co_return answer;
}

error_code failure_of_say(TlsWorld& world, Network& network) {
  try {
    world.run(say(world, network, "hello"));
  } catch (const boost::system::system_error& problem) {
    return problem.code();
  }
  return {};
}

std::string failure_text(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& problem) {
    BOOST_TEST((problem.code() == TlsErrc::bad_file));
    return problem.what();
  }
  return "no failure";
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

std::string mixed_text(std::size_t size) {
  std::string text(size, '\0');
  std::uint32_t state = 1;
  for (char& c : text) c = static_cast<char>((state = state * 1664525u + 1013904223u) >> 24);
  return text;
}

}  // namespace

BOOST_AUTO_TEST_CASE(tls_carries_a_message_there_and_back_and_ends_in_order) {
  TlsWorld world;
  auto network = world.serving(world.files.server());
  EchoServer server(world, *network);
  auto client = world.connecting(world.files.client());
  BOOST_TEST(world.run(say(world, *client, "hello")) == "hello");
  world.settle();
  BOOST_TEST_REQUIRE(server.ends.size() == 1u);
  BOOST_TEST((server.ends[0] == asio::error::eof));
}

BOOST_AUTO_TEST_CASE(tls_carries_a_mebibyte_both_ways_when_bytes_come_one_to_seven_at_a_time) {
  TlsWorld world;
  auto network = world.serving(world.files.server());
  EchoServer server(world, *network);
  auto client = world.connecting(world.files.client());
  const std::string sent = mixed_text(1u << 20);
  std::string received;
  auto send_all = [&](Stream& stream) -> asio::awaitable<void> {
    error_code problem = co_await write_text(stream, sent);
    BOOST_TEST(!problem);
  };
  TaskGroup tasks(world.executor(), world.time);
  auto exchange = [&]() -> asio::awaitable<void> {
    std::unique_ptr<Stream> stream = co_await client->connect(world.at, world.time.now() + 3s);
    tasks.spawn("sender", send_all(*stream));
    for (std::size_t turn = 1; received.size() < sent.size(); ++turn) {
      world.network.set_max_read(1 + turn % 7);
      error_code problem = co_await read_text(*stream, received, received.size() + 1);
      BOOST_TEST_REQUIRE(!problem);
    }
    co_await tasks.join();
  };
  world.run(exchange());
  BOOST_TEST((received == sent));
}

BOOST_AUTO_TEST_CASE(tls_needs_few_writes_below_for_many_small_buffers) {
  TlsWorld world;
  auto network = world.serving(world.files.server());
  auto listener = network->listen(world.executor(), world.at);
  auto client = world.connecting(world.files.client());
  std::vector<std::string> pieces;
  std::string all;
  for (std::size_t i = 0; i < 500; ++i) {
    pieces.push_back(mixed_text(i * 7 % 900));
    all += pieces.back();
  }
  auto send_pieces = [&]() -> asio::awaitable<void> {
    std::unique_ptr<Stream> stream = co_await client->connect(world.at, world.time.now() + 3s);
    std::vector<asio::const_buffer> buffers;
    for (const std::string& piece : pieces) buffers.emplace_back(piece.data(), piece.size());
    IoResult result = co_await stream->write(buffers);
    BOOST_TEST(!result.error);
    BOOST_TEST(result.size == all.size());
  };
  // Every write below is one piece in memory, and a read takes what lies in one piece.
  std::string received;
  std::size_t reads = 0;
  auto receive = [&]() -> asio::awaitable<void> {
    std::unique_ptr<Stream> stream = co_await listener->accept(world.executor());
    std::string chunk(1u << 20, '\0');
    for (;;) {
      IoResult result = co_await stream->read_some(asio::buffer(chunk));
      if (result.error) break;
      received.append(chunk.data(), result.size);
      ++reads;
    }
  };
  TaskGroup tasks(world.executor(), world.time);
  tasks.spawn("receiver", receive());
  world.run(send_pieces());
  world.run(tasks.join());
  BOOST_TEST((received == all));
  BOOST_TEST(reads <= 10u);
}

BOOST_AUTO_TEST_CASE(a_client_refuses_a_server_whose_certificate_is_for_other_hosts) {
  TlsWorld world;
  auto network = world.serving(world.files.server());
  EchoServer server(world, *network);
  TlsClientConfig config = world.files.client();
  config.server_name = "elsewhere";
  auto client = world.connecting(config);
  BOOST_CHECK_EXCEPTION(world.run(say(world, *client, "hello")), Error, [](const Error& problem) {
    return problem.code() == TlsErrc::wrong_host && contains(problem.what(), "server:1") &&
           contains(problem.what(), "mismatch");
  });
  BOOST_TEST((server.ends == std::vector<error_code>{TlsErrc::refused_by_peer}));
}

BOOST_AUTO_TEST_CASE(a_numeric_address_must_be_among_those_of_the_certificate) {
  TlsWorld world;
  auto network = world.serving(world.files.server());
  EchoServer server(world, *network);
  TlsClientConfig config = world.files.client();
  config.server_name = "127.0.0.1";
  auto fitting = world.connecting(config);
  BOOST_TEST(world.run(say(world, *fitting, "hello")) == "hello");
  config.server_name = "10.9.8.7";
  auto other = world.connecting(config);
  BOOST_TEST((failure_of_say(world, *other) == TlsErrc::wrong_host));
}

BOOST_AUTO_TEST_CASE(a_client_refuses_a_server_of_an_unknown_authority_unless_told_to_trust_all) {
  TlsWorld world;
  auto network = world.serving(world.files.server());
  EchoServer server(world, *network);
  TlsClientConfig config = world.files.client();
  config.trust_cert_path =
      test::write_text(world.files.path("other.pem"), world.files.stranger.certificate_pem());
  auto strict = world.connecting(config);
  BOOST_TEST((failure_of_say(world, *strict) == TlsErrc::peer_not_trusted));
  config.auth_server = false;
  config.server_name = "whatever";
  auto trusting = world.connecting(config);
  BOOST_TEST(world.run(say(world, *trusting, "hello")) == "hello");
}

BOOST_AUTO_TEST_CASE(an_expired_certificate_is_refused) {
  TlsWorld world;
  const test::Certificate expired("server", "DNS:server", &world.files.authority, -10, -1);
  test::write_text(world.files.path("server.pem"), expired.certificate_pem());
  test::write_text(world.files.path("server.key"), expired.key_pem());
  auto network = world.serving(world.files.server());
  EchoServer server(world, *network);
  auto client = world.connecting(world.files.client());
  BOOST_TEST((failure_of_say(world, *client) == TlsErrc::peer_not_trusted));
}

BOOST_AUTO_TEST_CASE(
    a_server_that_requires_client_certificates_lets_only_those_of_its_authority_in) {
  TlsWorld world;
  auto network = world.serving(world.files.asking_server(TlsClientAuth::require));
  EchoServer server(world, *network);
  auto nobody = world.connecting(world.files.client());
  BOOST_TEST((failure_of_say(world, *nobody) == TlsErrc::refused_by_peer));
  auto known = world.connecting(world.files.known_client(world.files.authority));
  BOOST_TEST(world.run(say(world, *known, "hello")) == "hello");
  auto strange = world.connecting(world.files.known_client(world.files.stranger));
  BOOST_TEST((failure_of_say(world, *strange) == TlsErrc::refused_by_peer));
  world.settle();
  const std::vector<error_code> ends{TlsErrc::no_client_certificate, asio::error::eof,
                                     TlsErrc::peer_not_trusted};
  BOOST_TEST((server.ends == ends));
}

BOOST_AUTO_TEST_CASE(optional_client_certificates_may_be_missing_but_not_strange) {
  TlsWorld world;
  auto network = world.serving(world.files.asking_server(TlsClientAuth::optional));
  EchoServer server(world, *network);
  auto nobody = world.connecting(world.files.client());
  BOOST_TEST(world.run(say(world, *nobody, "hello")) == "hello");
  auto strange = world.connecting(world.files.known_client(world.files.stranger));
  BOOST_TEST((failure_of_say(world, *strange) == TlsErrc::refused_by_peer));
}

BOOST_AUTO_TEST_CASE(tls_1_1_is_refused_and_tls_1_2_and_1_3_are_not) {
  TlsWorld world;
  auto network = world.serving(world.files.server());
  EchoServer server(world, *network);
  auto attempt = [&](int version) -> asio::awaitable<error_code> {
    std::unique_ptr<Stream> stream = co_await world.network.connect(world.at, Instant::max());
    RawTlsClient client(version);
    error_code problem = co_await client.handshake(*stream);
    if (!problem) problem = co_await client.send(*stream, "hello");
    std::string answer;
    if (!problem) problem = co_await client.read(*stream, answer, 5);
    if (!problem) BOOST_TEST(answer == "hello");
    co_return problem;
  };
  BOOST_TEST((world.run(attempt(TLS1_1_VERSION)) == RawTlsClient::ssl_failed()));
  BOOST_TEST((server.ends == std::vector<error_code>{TlsErrc::handshake_failed}));
  BOOST_TEST(!world.run(attempt(TLS1_2_VERSION)));
  BOOST_TEST(!world.run(attempt(TLS1_3_VERSION)));
}

BOOST_AUTO_TEST_CASE(ciphers_without_forward_secrecy_or_authentication_are_refused_unless_allowed) {
  const auto outcome = [](const std::string& of_client, const std::string& allowed) {
    TlsWorld world;
    TlsServerConfig config = world.files.server();
    config.rules.ciphers = allowed;
    auto network = world.serving(config);
    EchoServer server(world, *network);
    TlsClientConfig ours = world.files.client();
    ours.rules.ciphers = of_client;
    ours.rules.protocols = "TLSv1.2";
    auto client = world.connecting(ours);
    return failure_of_say(world, *client);
  };
  BOOST_TEST((outcome("ECDHE-ECDSA-AES128-GCM-SHA256", "") == error_code()));
  BOOST_TEST((outcome("TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", "") == error_code()));
  BOOST_TEST((outcome("ECDHE-ECDSA-AES128-SHA", "") == TlsErrc::refused_by_peer));
  BOOST_TEST(
      (outcome("ECDHE-ECDSA-AES128-SHA", "ECDHE+AESGCM,ECDHE-ECDSA-AES128-SHA") == error_code()));
  BOOST_TEST(
      (outcome("ECDHE-ECDSA-AES128-SHA", "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA") == error_code()));
}

BOOST_AUTO_TEST_CASE(a_client_of_ours_offers_no_weak_cipher_unless_told_to) {
  const auto outcome = [](const std::string& of_client) {
    TlsWorld world;
    TlsServerConfig config = world.files.server();
    config.rules.ciphers = "ECDHE-ECDSA-AES128-SHA";
    config.rules.protocols = "TLSv1.2";
    auto network = world.serving(config);
    EchoServer server(world, *network);
    TlsClientConfig ours = world.files.client();
    ours.rules.ciphers = of_client;
    auto client = world.connecting(ours);
    return failure_of_say(world, *client);
  };
  BOOST_TEST((outcome("") == TlsErrc::refused_by_peer));
  BOOST_TEST((outcome("ECDHE-ECDSA-AES128-SHA") == error_code()));
}

BOOST_AUTO_TEST_CASE(suites_of_tls_1_3_alone_leave_no_tls_1_2) {
  const auto outcome = [](const std::string& protocols, const std::string& allowed) {
    TlsWorld world;
    TlsServerConfig config = world.files.server();
    config.rules.ciphers = allowed;
    auto network = world.serving(config);
    EchoServer server(world, *network);
    TlsClientConfig ours = world.files.client();
    ours.rules.protocols = protocols;
    auto client = world.connecting(ours);
    return failure_of_say(world, *client);
  };
  BOOST_TEST((outcome("TLSv1.3", "TLS_AES_128_GCM_SHA256") == error_code()));
  BOOST_TEST((outcome("TLSv1.2", "TLS_AES_128_GCM_SHA256") == TlsErrc::refused_by_peer));
  BOOST_TEST((outcome("TLSv1.2", "TLS_AES_128_GCM_SHA256:ECDHE+AESGCM") == error_code()));
  BOOST_TEST((outcome("TLSv1.3", "ECDHE+AESGCM") == error_code()));
}

BOOST_AUTO_TEST_CASE(a_cipher_or_version_that_there_is_not_is_named_at_the_start) {
  TlsWorld world;
  const auto complaint = [&world](const std::string& ciphers, const std::string& protocols) {
    TlsServerConfig config = world.files.server();
    config.rules.ciphers = ciphers;
    config.rules.protocols = protocols;
    try {
      (void)world.serving(config);
    } catch (const Error& problem) {
      BOOST_TEST((problem.code() == BaseErrc::bad_value));
      return problem.context();
    }
    return std::string("accepted");
  };
  for (const char* unknown : {"AES129-SHA", "TLS_AES_1_SHA", "TLS_RSA_WITH_NOTHING"}) {
    BOOST_TEST(complaint(std::string("ECDHE+AESGCM:") + unknown, "").find(unknown) !=
               std::string::npos);
  }
  BOOST_TEST(complaint("", "TLSv1.1,TLSv1.2").find("TLSv1.1") != std::string::npos);
  BOOST_TEST(complaint("ECDHE+AESGCM:!AES256", "TLSv1.3, TLSv1.2") == "accepted");
}

BOOST_AUTO_TEST_CASE(the_expiry_is_that_of_the_first_certificate_of_the_chain_to_end) {
  TlsWorld world;
  constexpr std::int64_t kDay = 24 * 3600;
  const std::int64_t now = std::time(nullptr);
  const auto ends_after = [&](long server_days, long issuer_days) {
    const test::Certificate issuer("issuer", "", nullptr, -1, issuer_days);
    const test::Certificate server("server", "DNS:server", &issuer, -1, server_days);
    test::write_text(world.files.path("server.pem"),
                     server.certificate_pem() + issuer.certificate_pem());
    test::write_text(world.files.path("server.key"), server.key_pem());
    return world.serving(world.files.server())->expiry().server.value() - now;
  };
  BOOST_TEST(std::abs(ends_after(30, 90) - 30 * kDay) < 60);
  BOOST_TEST(std::abs(ends_after(90, 30) - 30 * kDay) < 60);
  auto client = world.connecting(world.files.client());
  BOOST_TEST(!client->expiry().server.has_value());
  BOOST_TEST(!client->expiry().client.has_value());
}

BOOST_AUTO_TEST_CASE(a_peer_may_not_renegotiate) {
  TlsWorld world;
  auto network = world.serving(world.files.server());
  EchoServer server(world, *network);
  auto attempt = [&]() -> asio::awaitable<error_code> {
    std::unique_ptr<Stream> stream = co_await world.network.connect(world.at, Instant::max());
    RawTlsClient client(TLS1_2_VERSION);
    error_code problem = co_await client.handshake(*stream);
    BOOST_TEST_REQUIRE(!problem);
    SSL_renegotiate(client.ssl());
    co_return co_await client.handshake(*stream);
  };
  BOOST_TEST((world.run(attempt()) == RawTlsClient::ssl_failed()));
}

BOOST_AUTO_TEST_CASE(a_stream_goes_on_after_its_peer_has_asked_for_new_keys) {
  TlsWorld world;
  auto network = world.serving(world.files.server());
  EchoServer server(world, *network);
  auto attempt = [&]() -> asio::awaitable<void> {
    std::unique_ptr<Stream> stream = co_await world.network.connect(world.at, Instant::max());
    RawTlsClient client(TLS1_3_VERSION);
    error_code problem = co_await client.handshake(*stream);
    BOOST_TEST_REQUIRE(!problem);
    std::string answer;
    for (std::size_t round = 1; round <= 3; ++round) {
      BOOST_TEST_REQUIRE(SSL_key_update(client.ssl(), SSL_KEY_UPDATE_REQUESTED) == 1);
      problem = co_await client.send(*stream, "hello");
      if (!problem) problem = co_await client.read(*stream, answer, 5 * round);
      BOOST_TEST(!problem);
    }
    BOOST_TEST(answer == "hellohellohello");
  };
  world.run(attempt());
}

BOOST_AUTO_TEST_CASE(an_enforcing_server_closes_plain_connections) {
  TlsWorld world;
  auto network = world.serving(world.files.server(TlsMode::enforcing));
  EchoServer server(world, *network);
  BOOST_TEST((failure_of_say(world, world.network) == asio::error::eof));
  BOOST_TEST((server.ends == std::vector<error_code>{TlsErrc::plaintext_refused}));
  auto client = world.connecting(world.files.client());
  BOOST_TEST(world.run(say(world, *client, "hello")) == "hello");
}

BOOST_AUTO_TEST_CASE(a_disabled_server_closes_tls_connections_and_needs_no_certificate) {
  TlsWorld world;
  TlsServerConfig config;
  config.mode = TlsMode::disabled;
  auto network = world.serving(config);
  EchoServer server(world, *network);
  auto client = world.connecting(world.files.client());
  BOOST_TEST((failure_of_say(world, *client) == TlsErrc::truncated));
  BOOST_TEST((server.ends == std::vector<error_code>{TlsErrc::tls_refused}));
  BOOST_TEST(world.run(say(world, world.network, "hello")) == "hello");
}

BOOST_AUTO_TEST_CASE(a_permissive_server_takes_both_also_byte_by_byte) {
  TlsWorld world;
  world.network.set_max_read(1);
  auto network = world.serving(world.files.server(TlsMode::permissive));
  EchoServer server(world, *network);
  auto client = world.connecting(world.files.client());
  BOOST_TEST(world.run(say(world, *client, "hello")) == "hello");
  BOOST_TEST(world.run(say(world, world.network, "hello")) == "hello");
}

BOOST_AUTO_TEST_CASE(a_slow_hello_holds_up_nobody_and_ends_at_the_deadline) {
  TlsWorld world;
  auto network = world.serving(world.files.server());
  EchoServer server(world, *network);
  auto client = world.connecting(world.files.client());
  const Instant begin = world.time.now();
  auto dribble = [&]() -> asio::awaitable<void> {
    std::unique_ptr<Stream> stream = co_await world.network.connect(world.at, Instant::max());
    RawTlsClient hello(TLS1_3_VERSION);
    SSL_do_handshake(hello.ssl());
    const std::string bytes = hello.take_output();
    Timer timer(world.executor(), world.time);
    for (char byte : bytes) {
      error_code problem = co_await write_text(*stream, std::string(1, byte));
      if (problem) co_return;
      co_await timer.wait_for(1s);
    }
  };
  TaskGroup tasks(world.executor(), world.time);
  tasks.spawn("dribble", dribble());
  world.pass(3s);
  for (int i = 0; i < 3; ++i) BOOST_TEST(world.run(say(world, *client, "hello")) == "hello");
  BOOST_TEST((world.time.now() == begin + 3s));
  BOOST_TEST(server.ends.size() == 3u);
  world.pass(10s);
  BOOST_TEST_REQUIRE(server.ends.size() == 4u);
  BOOST_TEST((server.ends.back() == asio::error::timed_out));
  BOOST_TEST((server.end_times.back() == begin + 10s));
  world.run(end(tasks));
}

BOOST_AUTO_TEST_CASE(a_silent_peer_is_dropped_at_the_deadline_and_one_that_has_spoken_is_not) {
  TlsWorld world;
  TlsServerConfig config = world.files.server();
  config.handshake_timeout = 4s;
  auto network = world.serving(config);
  EchoServer server(world, *network);
  const Instant begin = world.time.now();
  auto client = world.connecting(world.files.client());
  auto silent = world.run(world.network.connect(world.at, Instant::max()));
  auto plain = world.run(world.network.connect(world.at, Instant::max()));
  auto secure = world.run(client->connect(world.at, Instant::max()));
  BOOST_TEST(!world.run(write_text(*plain, "x")));
  world.pass(1h);
  BOOST_TEST_REQUIRE(server.ends.size() == 1u);
  BOOST_TEST((server.ends[0] == asio::error::timed_out));
  BOOST_TEST((server.end_times[0] == begin + 4s));
  for (Stream* stream : {plain.get(), secure.get()}) {
    std::string answer;
    BOOST_TEST(!world.run(write_text(*stream, "hello")));
    BOOST_TEST(!world.run(read_text(*stream, answer, 5)));
  }
}

BOOST_AUTO_TEST_CASE(a_client_gives_a_silent_server_up_at_its_deadline) {
  TlsWorld world;
  auto listener = world.network.listen(world.executor(), world.at);  // takes and says nothing
  auto client = world.connecting(world.files.client());
  const Instant begin = world.time.now();
  BOOST_TEST((failure_of_say(world, *client) == asio::error::timed_out));
  BOOST_TEST((world.time.now() == begin + 3s));
}

BOOST_AUTO_TEST_CASE(a_server_that_writes_first_waits_for_the_handshake) {
  TlsWorld world;
  auto network = world.serving(world.files.server());
  auto listener = network->listen(world.executor(), world.at);
  auto client = world.connecting(world.files.client());
  auto greet = [&]() -> asio::awaitable<void> {
    std::unique_ptr<Stream> stream = co_await listener->accept(world.executor());
    error_code problem = co_await write_text(*stream, "welcome");
    BOOST_TEST(!problem);
  };
  TaskGroup tasks(world.executor(), world.time);
  tasks.spawn("greet", greet());
  auto listen = [&]() -> asio::awaitable<std::string> {
    std::unique_ptr<Stream> stream = co_await client->connect(world.at, world.time.now() + 3s);
    std::string text;
    error_code end = co_await read_text(*stream, text, 100);
    BOOST_TEST((end == asio::error::eof));
    co_return text;
  };
  BOOST_TEST(world.run(listen()) == "welcome");
}

BOOST_AUTO_TEST_CASE(a_connection_cut_without_the_end_of_tls_is_truncated) {
  TlsWorld world;
  auto network = world.serving(world.files.server());
  EchoServer server(world, *network);
  auto attempt = [&]() -> asio::awaitable<void> {
    std::unique_ptr<Stream> stream = co_await world.network.connect(world.at, Instant::max());
    RawTlsClient client(TLS1_3_VERSION);
    error_code problem = co_await client.handshake(*stream);
    BOOST_TEST(!problem);
  };
  world.run(attempt());
  world.settle();
  BOOST_TEST((server.ends == std::vector<error_code>{TlsErrc::truncated}));
}

BOOST_AUTO_TEST_CASE(a_forged_record_ends_the_connection) {
  TlsWorld world;
  auto network = world.serving(world.files.server());
  EchoServer server(world, *network);
  auto attempt = [&]() -> asio::awaitable<void> {
    std::unique_ptr<Stream> stream = co_await world.network.connect(world.at, Instant::max());
    RawTlsClient client(TLS1_2_VERSION);
    error_code problem = co_await client.handshake(*stream);
    BOOST_TEST_REQUIRE(!problem);
    SSL_write(client.ssl(), "hello", 5);
    std::string record = client.take_output();
    record.back() = static_cast<char>(record.back() ^ 1);
    problem = co_await write_text(*stream, record);
    BOOST_TEST(!problem);
    std::string answer;
    problem = co_await client.read(*stream, answer, 1);
    BOOST_TEST((problem == RawTlsClient::ssl_failed()));
  };
  world.run(attempt());
  BOOST_TEST((server.ends == std::vector<error_code>{TlsErrc::broken_record}));
}

BOOST_AUTO_TEST_CASE(closing_ends_operations_in_progress) {
  TlsWorld world;
  auto network = world.serving(world.files.server());
  EchoServer server(world, *network);
  auto client = world.connecting(world.files.client());
  auto stream = world.run(client->connect(world.at, Instant::max()));
  std::optional<error_code> end;
  auto read = [&]() -> asio::awaitable<void> {
    std::string text;
    end = co_await read_text(*stream, text, 1);
  };
  TaskGroup tasks(world.executor(), world.time);
  tasks.spawn("read", read());
  world.settle();
  BOOST_TEST(!end.has_value());
  stream->close();
  stream->close();
  world.run(tasks.join());
  BOOST_TEST_REQUIRE(end.has_value());
  BOOST_TEST((*end == asio::error::operation_aborted));
  BOOST_TEST((world.run(write_text(*stream, "x")) == asio::error::operation_aborted));
}

BOOST_AUTO_TEST_CASE(reload_gives_new_connections_the_new_certificate_and_leaves_old_ones_alone) {
  TlsWorld world;
  auto network = world.serving(world.files.server());
  BOOST_TEST(contains(network->describe_certificate(), "CN=server, valid until 20"));
  EchoServer server(world, *network);
  auto certificate_name = [&]() -> asio::awaitable<std::string> {
    std::unique_ptr<Stream> stream = co_await world.network.connect(world.at, Instant::max());
    RawTlsClient raw(TLS1_3_VERSION);
    error_code problem = co_await raw.handshake(*stream);
    BOOST_TEST_REQUIRE(!problem);
    const std::unique_ptr<X509, decltype(&X509_free)> x509(SSL_get1_peer_certificate(raw.ssl()),
                                                           X509_free);
    char name[64] = {};
    X509_NAME_get_text_by_NID(X509_get_subject_name(x509.get()), NID_commonName, name, 64);
    co_return name;
  };
  auto client = world.connecting(world.files.client());
  auto old = world.run(client->connect(world.at, Instant::max()));
  BOOST_TEST(world.run(certificate_name()) == "server");
  world.files.issue_server("renewed");
  BOOST_TEST(world.run(certificate_name()) == "server");
  network->reload();
  BOOST_TEST(world.run(certificate_name()) == "renewed");
  std::string answer;
  BOOST_TEST(!world.run(write_text(*old, "hello")));
  BOOST_TEST(!world.run(read_text(*old, answer, 5)));
}

BOOST_AUTO_TEST_CASE(a_failed_reload_names_the_file_and_changes_nothing) {
  TlsWorld world;
  auto network = world.serving(world.files.server());
  EchoServer server(world, *network);
  auto client = world.connecting(world.files.client());
  auto reload = [&] { network->reload(); };
  auto goes_on = [&] { return world.run(say(world, *client, "hello")) == "hello"; };

  test::write_text(world.files.path("server.pem"), "not a certificate");
  BOOST_TEST(contains(failure_text(reload), world.files.path("server.pem")));
  BOOST_TEST(goes_on());
  std::filesystem::remove(world.files.path("server.pem"));
  BOOST_TEST(contains(failure_text(reload), "server.pem (No such file or directory)"));
  BOOST_TEST(goes_on());
  const test::Certificate other("server", "DNS:server", &world.files.authority);
  test::write_text(world.files.path("server.pem"), other.certificate_pem());
  BOOST_TEST(contains(failure_text(reload), world.files.path("server.key")));
  BOOST_TEST(goes_on());
  std::filesystem::remove(world.files.path("server.key"));
  BOOST_TEST(contains(failure_text(reload), "server.key (No such file or directory)"));
  BOOST_TEST(goes_on());
}

BOOST_AUTO_TEST_CASE(files_that_cannot_be_used_are_named_at_the_start) {
  TlsWorld world;
  TlsServerConfig missing = world.files.server();
  missing.cert_path = world.files.path("nowhere.pem");
  BOOST_TEST(contains(failure_text([&] { world.serving(missing); }), missing.cert_path));
  TlsServerConfig untrusting = world.files.asking_server(TlsClientAuth::require);
  untrusting.trust_cert_path.clear();
  BOOST_TEST(
      contains(failure_text([&] { world.serving(untrusting); }), "tls.server.trustCertPath"));
  TlsClientConfig client = world.files.client();
  client.trust_cert_path = world.files.path("nowhere.pem");
  BOOST_TEST(contains(failure_text([&] { world.connecting(client); }), client.trust_cert_path));
}

BOOST_AUTO_TEST_CASE(an_encrypted_key_opens_with_its_password_only) {
  TlsWorld world;
  const test::Certificate certificate("server", "DNS:server", &world.files.authority);
  test::write_text(world.files.path("server.pem"), certificate.certificate_pem());
  test::write_text(world.files.path("server.key"), certificate.key_pem("secret"));
  TlsServerConfig config = world.files.server();
  const std::string none = failure_text([&] { world.serving(config); });
  BOOST_TEST(contains(none, config.key_path));
  BOOST_TEST(contains(none, "no password is configured"));
  config.key_password = "wrong";
  BOOST_TEST(contains(failure_text([&] { world.serving(config); }), config.key_path));
  config.key_password = "secret";
  auto network = world.serving(config);
  EchoServer server(world, *network);
  auto client = world.connecting(world.files.client());
  BOOST_TEST(world.run(say(world, *client, "hello")) == "hello");
}

BOOST_AUTO_TEST_CASE(a_network_without_client_or_server_settings_is_the_one_below) {
  TlsWorld world;
  TlsNetwork plain(world.network, TlsConfig(), world.time);
  EchoServer server(world, plain);
  BOOST_TEST(world.run(say(world, plain, "hello")) == "hello");
  BOOST_TEST(plain.describe_certificate() == "no certificate");
}
