//! An nginx of a test's own, as a reverse proxy for WebSockets.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::harness::scratch::Scratch;
use crate::harness::wait::started;

#[derive(Debug)]
pub(crate) struct Nginx {
    child: Child,
    address: SocketAddr,
    _scratch: Scratch,
}

/// Whether this machine has one.
pub(crate) fn is_installed() -> bool {
    Command::new("nginx").arg("-v").stderr(Stdio::null()).status().is_ok_and(|s| s.success())
}

impl Nginx {
    /// Passes everything to `upstream`, and cuts what is silent for longer than `limit`.
    pub(crate) fn start(upstream: SocketAddr, limit: Duration) -> Nginx {
        // It cannot choose a port by itself. Nobody else is given this one at once.
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = free.local_addr().unwrap();
        drop(free);
        let scratch = Scratch::new();
        let limit = limit.as_secs();
        let config = format!(
            "daemon off;\nmaster_process off;\npid nginx.pid;\nerror_log stderr;\n\
             events {{ worker_connections 1024; }}\n\
             http {{\n  access_log off;\n  client_body_temp_path body;\n  proxy_temp_path proxy;\n\
               fastcgi_temp_path fastcgi;\n  uwsgi_temp_path uwsgi;\n  scgi_temp_path scgi;\n\
               server {{\n    listen {address};\n    location / {{\n\
                   proxy_pass http://{upstream};\n      proxy_http_version 1.1;\n\
                   proxy_set_header Upgrade $http_upgrade;\n\
                   proxy_set_header Connection upgrade;\n\
                   proxy_read_timeout {limit}s;\n      proxy_send_timeout {limit}s;\n\
                 }}\n  }}\n}}\n"
        );
        let config = scratch.file("nginx.conf", &config);
        let child = Command::new("nginx")
            .args(["-e", "stderr", "-p"])
            .arg(config.parent().unwrap())
            .arg("-c")
            .arg(&config)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let nginx = Nginx { child, address, _scratch: scratch };
        started("nginx listens", || TcpStream::connect(address).ok());
        nginx
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
