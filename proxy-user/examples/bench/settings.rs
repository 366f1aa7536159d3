//! How each proxy is configured: as its own handbook recommends for WebSockets, one worker, nothing logged.

use std::net::SocketAddr;

/// Everything on: kernel rows, reaper, keepalive and metrics are so by default, messages of both
/// directions are judged by a pack, and history and shadow have something to say.
pub(crate) fn ebbtide(
    listen: SocketAddr,
    admin: SocketAddr,
    upstream: SocketAddr,
    workers: usize,
) -> String {
    format!(
        "listen = [\"{listen}\"]\nadmin = \"{admin}\"\nworkers = {workers}\n\n\
         [[app]]\nname = \"bench\"\nupstream = \"http://{upstream}\"\npacks = [\"streamlit\"]\n\
         count = \"both\"\nidle_after = \"1h\"\non_idle = \"shadow\"\n"
    )
}

/// Buffers of 16 KiB instead of one page, and connections to the app that are kept.
pub(crate) fn nginx(
    listen: SocketAddr,
    upstream: SocketAddr,
    folder: &str,
    workers: usize,
) -> String {
    format!(
        "worker_processes {workers};\ndaemon off;\npid {folder}/pid;\nerror_log {folder}/errors warn;\n\
         worker_rlimit_nofile 20000;\nevents {{ worker_connections 19900; }}\n\
         http {{\n  access_log off;\n  keepalive_requests 100000000;\n  keepalive_timeout 1h;\n\
         client_body_temp_path {folder}/1;\n  proxy_temp_path {folder}/2;\n  fastcgi_temp_path {folder}/3;\n\
         uwsgi_temp_path {folder}/4;\n  scgi_temp_path {folder}/5;\n\
         map $http_upgrade $connection_upgrade {{ default upgrade; '' ''; }}\n\
         upstream app {{ server {upstream}; keepalive 64; keepalive_requests 100000000; }}\n\
         server {{\n  listen {listen} backlog=4096;\n  location / {{\n    proxy_pass http://app;\n\
         proxy_http_version 1.1;\n    proxy_set_header Upgrade $http_upgrade;\n\
         proxy_set_header Connection $connection_upgrade;\n    proxy_set_header Host $host;\n\
         proxy_buffer_size 16k;\n    proxy_buffers 8 16k;\n    proxy_busy_buffers_size 32k;\n\
         proxy_read_timeout 1h;\n    proxy_send_timeout 1h;\n  }} }} }}\n"
    )
}

pub(crate) fn haproxy(listen: SocketAddr, upstream: SocketAddr, workers: usize) -> String {
    format!(
        "global\n  nbthread {workers}\n  maxconn 9500\n\ndefaults\n  mode http\n  timeout connect 5s\n\
         timeout client 1h\n  timeout server 1h\n  timeout tunnel 1h\n\n\
         frontend browsers\n  bind {listen} backlog 4096\n  default_backend app\n\n\
         backend app\n  http-reuse always\n  server app {upstream}\n"
    )
}

pub(crate) fn caddy(listen: SocketAddr, upstream: SocketAddr) -> String {
    let (host, port) = (listen.ip(), listen.port());
    format!(
        "{{\n  admin off\n  auto_https off\n}}\nhttp://:{port} {{\n  bind {host}\n  reverse_proxy {upstream}\n}}\n"
    )
}
