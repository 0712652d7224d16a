import { chatAnswer } from './shapes.ts';

/** What both nginx processes have in common: one process in the foreground, keep-alive for as long as the bench lasts. */
function configuration({ folder, http }: { folder: string; http: string }): string {
  return `
daemon off;
master_process off;
pid ${folder}/nginx.pid;
error_log stderr error;
events { worker_connections 4096; }
http {
  access_log off;
  keepalive_requests 100000000;
  keepalive_timeout 600s;
  client_body_buffer_size 256k;
  client_body_temp_path ${folder}/body;
  proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi;
  scgi_temp_path ${folder}/scgi;
  ${http}
}
`;
}

/** A server that answers every request with the same whole answer. */
export function answeringNginx({ folder, port }: { folder: string; port: number }): string {
  return configuration({
    folder,
    http: `server {
    listen 127.0.0.1:${port};
    default_type application/json;
    location / { return 200 '${chatAnswer()}'; }
  }`,
  });
}

/** A proxy that keeps connections to what is behind it, and passes streams on as they come. */
export function proxyingNginx({
  folder,
  port,
  behind,
}: {
  folder: string;
  port: number;
  behind: { whole: number; stream: number };
}): string {
  return configuration({
    folder,
    http: `${keptAlive('whole', behind.whole)}
  ${keptAlive('stream', behind.stream)}
  server {
    listen 127.0.0.1:${port};
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    location /v2/inference/deployments/whole/ { proxy_pass http://whole; }
    location /v2/inference/deployments/stream/ { proxy_pass http://stream; proxy_buffering off; }
  }`,
  });
}

function keptAlive(name: string, port: number): string {
  return `upstream ${name} { server 127.0.0.1:${port}; keepalive 256; keepalive_requests 100000000; keepalive_timeout 600s; }`;
}
