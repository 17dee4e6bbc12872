"""A real RTSP camera for tests: GStreamer's server with a moving ball. Run by the system's python3, which has GObject introspection.

usage: rtsp_server.py PORT h264|h265 WIDTH HEIGHT KEYFRAME_EVERY [USER PASSWORD]; prints "ready" once it listens on 127.0.0.1.
"""

import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtsp", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtsp, GstRtspServer  # noqa: E402

ENCODERS = {
    "h264": "x264enc tune=zerolatency speed-preset=ultrafast bitrate=2000 key-int-max={gop} ! rtph264pay",
    "h265": "x265enc tune=zerolatency speed-preset=ultrafast bitrate=2000 key-int-max={gop} ! rtph265pay",
}


def main() -> None:
    """Serve until killed."""
    port, codec, width, height, gop = sys.argv[1:6]
    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(port)
    factory = GstRtspServer.RTSPMediaFactory()
    source = f"videotestsrc is-live=true pattern=ball ! video/x-raw,width={width},height={height},framerate=25/1"
    factory.set_launch(f"( {source} ! {ENCODERS[codec].format(gop=gop)} name=pay0 pt=96 )")
    factory.set_shared(True)
    if len(sys.argv) > 6:
        auth = GstRtspServer.RTSPAuth()
        auth.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
        token = GstRtspServer.RTSPToken()
        token.set_string("media.factory.role", "viewer")
        auth.add_digest(sys.argv[6], sys.argv[7], token)
        server.set_auth(auth)
        permissions = GstRtspServer.RTSPPermissions()
        permissions.add_role("viewer")
        permissions.add_permission_for_role("viewer", "media.factory.access", True)
        permissions.add_permission_for_role("viewer", "media.factory.construct", True)
        factory.set_permissions(permissions)
    server.get_mount_points().add_factory("/live", factory)
    server.attach(None)
    print("ready", flush=True)
    GLib.MainLoop().run()


main()
