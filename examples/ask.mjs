// Asks questions, each of which may lean on the ones before: needs Node 18 or newer.
const address = process.env.QA_ADDRESS ?? "http://127.0.0.1:7860";
const key = process.env.QA_API_KEY;

const earlier = [];
for (const question of process.argv.slice(2)) {
  const reply = await fetch(`${address}/api/v1/answer`, {
    method: "POST",
    headers: { "Content-Type": "application/json", ...(key && { Authorization: `Bearer ${key}` }) },
    body: JSON.stringify({ question, earlier }),
  });
  const body = await reply.json();
  if (!reply.ok) {
    console.error(body.detail); // a problem of RFC 9457
    process.exit(1);
  }
  console.log(body.text);
  earlier.push(question);
}
