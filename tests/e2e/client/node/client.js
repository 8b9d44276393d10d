// A client of Gatehouse in another language: node client.js CONTRACT ADDRESS EMAIL PASSWORD SUBJECT
//
// Signs in, calls, and watches revocations until a line arrives on standard input. Each answer is a
// line of JSON on standard output. CONTRACT is a google.protobuf.FileDescriptorSet.

const fs = require("node:fs");
const grpc = require("@grpc/grpc-js");
const loader = require("@grpc/proto-loader");

const [contract, address, email, password, subject] = process.argv.slice(2);
const options = { keepCase: true, longs: String, enums: String, defaults: true, oneofs: true };
const definition = loader.loadFileDescriptorSetFromBuffer(fs.readFileSync(contract), options);
const { gatehouse } = grpc.loadPackageDefinition(definition);

const plaintext = grpc.credentials.createInsecure();
const auth = new gatehouse.auth.v1.AuthService(address, plaintext);
const access = new gatehouse.access.v1.AccessService(address, plaintext);

function say(what, answer) {
  console.log(JSON.stringify({ what, answer }));
}

function call(client, method, request, metadata = new grpc.Metadata()) {
  const deadline = Date.now() + 20_000;
  return new Promise((resolve, reject) => {
    client[method](request, metadata, { deadline }, (error, answer) =>
      error ? reject(error) : resolve(answer),
    );
  });
}

async function main() {
  const { tokens } = await call(auth, "Login", { email, password });
  const bearer = new grpc.Metadata();
  bearer.set("authorization", `Bearer ${tokens.access_token}`);

  say("WhoAmI", await call(auth, "WhoAmI", {}, bearer));
  for (const permission of ["documents.read", "documents.delete"]) {
    const question = { subject, permission, path: "/projects/apollo/documents/42" };
    say(permission, await call(access, "CheckAccess", question, bearer));
  }
  await call(auth, "WhoAmI", {}).catch((error) =>
    say("without a token", { code: grpc.status[error.code], details: error.details }),
  );

  const stream = auth.WatchRevocations({}, bearer);
  stream.on("data", (message) => say("WatchRevocations", message));
  stream.on("error", (error) => {
    if (error.code !== grpc.status.CANCELLED) throw error;
  });
  process.stdin.once("data", () => {
    stream.cancel();
    process.stdin.destroy();
  });
}

main();
