//! Who writes the socket table.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    TcpInfo,
    Ebpf,
}

impl Source {
    pub const ALL: [Source; 2] = [Source::TcpInfo, Source::Ebpf];

    /// As configured and as reported.
    pub fn name(self) -> &'static str {
        match self {
            Source::TcpInfo => "tcp-info",
            Source::Ebpf => "ebpf",
        }
    }

    /// What the names of its tests begin with.
    pub fn module(self) -> &'static str {
        match self {
            Source::TcpInfo => "tcp_info",
            Source::Ebpf => "ebpf",
        }
    }
}
