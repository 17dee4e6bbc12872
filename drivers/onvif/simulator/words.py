"""The simulated camera's answers, as text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from xml.sax.saxutils import escape, quoteattr

from drivers.onvif.simulator.state import SimulatedRelay, Stream

SPACES = {
    "s": "http://www.w3.org/2003/05/soap-envelope",
    "a": "http://www.w3.org/2005/08/addressing",
    "tt": "http://www.onvif.org/ver10/schema",
    "tds": "http://www.onvif.org/ver10/device/wsdl",
    "tmd": "http://www.onvif.org/ver10/deviceIO/wsdl",
    "trt": "http://www.onvif.org/ver10/media/wsdl",
    "tev": "http://www.onvif.org/ver10/events/wsdl",
    "wsnt": "http://docs.oasis-open.org/wsn/b-2",
    "tns1": "http://www.onvif.org/ver10/topics",
    "ter": "http://www.onvif.org/ver10/error",
    "sim": "urn:simulated",
}
HEAD = "<s:Envelope " + " ".join(f'xmlns:{prefix}="{space}"' for prefix, space in SPACES.items()) + "><s:Body>"
TAIL = "</s:Body></s:Envelope>"


def envelope(body: str) -> bytes:
    """A whole message."""
    return (HEAD + body + TAIL).encode()


def fault(code: str, why: str, *, sender: bool = True) -> bytes:
    """A fault with an ONVIF subcode."""
    who = "s:Sender" if sender else "s:Receiver"
    return envelope(
        f"<s:Fault><s:Code><s:Value>{who}</s:Value><s:Subcode><s:Value>ter:{code}</s:Value></s:Subcode></s:Code>"
        f'<s:Reason><s:Text xml:lang="en">{escape(why)}</s:Text></s:Reason></s:Fault>'
    )


def clock(utc: datetime, *, ntp: bool) -> str:
    """GetSystemDateAndTimeResponse."""
    return (
        f"<tds:GetSystemDateAndTimeResponse><tds:SystemDateAndTime><tt:DateTimeType>{'NTP' if ntp else 'Manual'}</tt:DateTimeType>"
        "<tt:DaylightSavings>false</tt:DaylightSavings><tt:TimeZone><tt:TZ>CST-8</tt:TZ></tt:TimeZone><tt:UTCDateTime>"
        f"<tt:Time><tt:Hour>{utc.hour}</tt:Hour><tt:Minute>{utc.minute}</tt:Minute><tt:Second>{utc.second}</tt:Second></tt:Time>"
        f"<tt:Date><tt:Year>{utc.year}</tt:Year><tt:Month>{utc.month}</tt:Month><tt:Day>{utc.day}</tt:Day></tt:Date>"
        "</tt:UTCDateTime></tds:SystemDateAndTime></tds:GetSystemDateAndTimeResponse>"
    )


def information(serial: str, hardware: str) -> str:
    """GetDeviceInformationResponse."""
    words = {"Manufacturer": "Simulated", "Model": "Gate camera", "FirmwareVersion": "1.0", "SerialNumber": serial, "HardwareId": hardware}
    inside = "".join(f"<tds:{name}>{escape(word)}</tds:{name}>" for name, word in words.items())
    return f"<tds:GetDeviceInformationResponse>{inside}</tds:GetDeviceInformationResponse>"


def services(addresses: Mapping[str, str]) -> str:
    """GetServicesResponse; `addresses` by prefix."""
    inside = "".join(
        f"<tds:Service><tds:Namespace>{SPACES[prefix]}</tds:Namespace><tds:XAddr>{address}</tds:XAddr>"
        "<tds:Version><tt:Major>2</tt:Major><tt:Minor>60</tt:Minor></tds:Version></tds:Service>"
        for prefix, address in addresses.items()
    )
    return f"<tds:GetServicesResponse>{inside}</tds:GetServicesResponse>"


def capabilities(addresses: Mapping[str, str]) -> str:
    """GetCapabilitiesResponse."""
    events = (
        f"<tt:Events><tt:XAddr>{addresses['tev']}</tt:XAddr><tt:WSSubscriptionPolicySupport>false</tt:WSSubscriptionPolicySupport>"
        "<tt:WSPullPointSupport>true</tt:WSPullPointSupport>"
        "<tt:WSPausableSubscriptionManagerInterfaceSupport>false</tt:WSPausableSubscriptionManagerInterfaceSupport></tt:Events>"
        if "tev" in addresses
        else ""
    )
    io = (
        f"<tt:Extension><tt:DeviceIO><tt:XAddr>{addresses['tmd']}</tt:XAddr><tt:VideoSources>1</tt:VideoSources><tt:VideoOutputs>0"
        "</tt:VideoOutputs><tt:AudioSources>0</tt:AudioSources><tt:AudioOutputs>0</tt:AudioOutputs><tt:RelayOutputs>2</tt:RelayOutputs>"
        "</tt:DeviceIO></tt:Extension>"
        if "tmd" in addresses
        else ""
    )
    return (
        f"<tds:GetCapabilitiesResponse><tds:Capabilities>{events}<tt:Media><tt:XAddr>{addresses['trt']}</tt:XAddr>"
        f"<tt:StreamingCapabilities/></tt:Media>{io}</tds:Capabilities></tds:GetCapabilitiesResponse>"
    )


def relays(made: Iterable[SimulatedRelay]) -> str:
    """GetRelayOutputsResponse; in the device service's namespace whichever service was asked, says the standard."""
    inside = "".join(
        f"<tds:RelayOutputs token={quoteattr(relay.token)}><tt:Properties><tt:Mode>{relay.mode}</tt:Mode>"
        f"<tt:DelayTime>PT{relay.delay_s:g}S</tt:DelayTime><tt:IdleState>{'closed' if relay.idle_closed else 'open'}</tt:IdleState>"
        "</tt:Properties></tds:RelayOutputs>"
        for relay in made
    )
    return f"<tds:GetRelayOutputsResponse>{inside}</tds:GetRelayOutputsResponse>"


def relay_options(made: Iterable[SimulatedRelay]) -> str:
    """GetRelayOutputOptionsResponse."""
    inside = "".join(
        f"<tmd:RelayOutputOptions token={quoteattr(relay.token)}>{''.join(f'<tmd:Mode>{mode}</tmd:Mode>' for mode in relay.modes)}"
        f"<tmd:DelayTimes>{' '.join(f'{delay:g}' for delay in relay.delays_s)}</tmd:DelayTimes>"
        f"<tmd:Discrete>{str(relay.discrete).lower()}</tmd:Discrete></tmd:RelayOutputOptions>"
        for relay in made
    )
    return f"<tmd:GetRelayOutputOptionsResponse>{inside}</tmd:GetRelayOutputOptionsResponse>"


def inputs(made: Mapping[str, bool]) -> str:
    """GetDigitalInputsResponse; by token, whether it idles closed."""
    inside = "".join(
        f'<tmd:DigitalInputs token={quoteattr(token)} IdleState="{"closed" if idle_closed else "open"}"/>'
        for token, idle_closed in made.items()
    )
    return f"<tmd:GetDigitalInputsResponse>{inside}</tmd:GetDigitalInputsResponse>"


def profiles(made: Iterable[Stream]) -> str:
    """GetProfilesResponse."""
    inside = "".join(
        f'<trt:Profiles token={quoteattr(stream.token)} fixed="true"><tt:Name>{escape(stream.token)}</tt:Name>'
        f'<tt:VideoEncoderConfiguration token="e_{escape(stream.token)}"><tt:Name>e</tt:Name><tt:UseCount>1</tt:UseCount>'
        f"<tt:Encoding>{stream.codec}</tt:Encoding><tt:Resolution><tt:Width>{stream.width}</tt:Width><tt:Height>{stream.height}</tt:Height>"
        f"</tt:Resolution><tt:Quality>4</tt:Quality><tt:RateControl><tt:FrameRateLimit>{stream.fps}</tt:FrameRateLimit>"
        "<tt:EncodingInterval>1</tt:EncodingInterval><tt:BitrateLimit>1024</tt:BitrateLimit></tt:RateControl>"
        "<tt:Multicast><tt:Address><tt:Type>IPv4</tt:Type></tt:Address><tt:Port>0</tt:Port><tt:TTL>1</tt:TTL><tt:AutoStart>false</tt:AutoStart>"
        "</tt:Multicast><tt:SessionTimeout>PT60S</tt:SessionTimeout></tt:VideoEncoderConfiguration></trt:Profiles>"
        for stream in made
    )
    return f"<trt:GetProfilesResponse>{inside}</trt:GetProfilesResponse>"


def uri(operation: str, address: str) -> str:
    """GetStreamUriResponse or GetSnapshotUriResponse."""
    return (
        f"<trt:{operation}Response><trt:MediaUri><tt:Uri>{escape(address)}</tt:Uri><tt:InvalidAfterConnect>false</tt:InvalidAfterConnect>"
        f"<tt:InvalidAfterReboot>false</tt:InvalidAfterReboot><tt:Timeout>PT0S</tt:Timeout></trt:MediaUri></trt:{operation}Response>"
    )


def subscription(address: str, parameter: str, now: datetime, ends: datetime) -> str:
    """CreatePullPointSubscriptionResponse."""
    parameters = f"<a:ReferenceParameters><sim:Id>{parameter}</sim:Id></a:ReferenceParameters>" if parameter else ""
    return (
        f"<tev:CreatePullPointSubscriptionResponse><tev:SubscriptionReference><a:Address>{address}</a:Address>{parameters}"
        f"</tev:SubscriptionReference><wsnt:CurrentTime>{stamp(now)}</wsnt:CurrentTime><wsnt:TerminationTime>{stamp(ends)}</wsnt:TerminationTime>"
        "</tev:CreatePullPointSubscriptionResponse>"
    )


def renewed(now: datetime, ends: datetime) -> str:
    """RenewResponse."""
    return (
        f"<wsnt:RenewResponse><wsnt:TerminationTime>{stamp(ends)}</wsnt:TerminationTime><wsnt:CurrentTime>{stamp(now)}</wsnt:CurrentTime>"
        "</wsnt:RenewResponse>"
    )


def event(topic: str, source: tuple[str, str], data: tuple[str, str], operation: str, at: datetime) -> str:
    """One NotificationMessage."""
    return (
        f'<wsnt:NotificationMessage><wsnt:Topic Dialect="http://www.onvif.org/ver10/tev/topicExpression/ConcreteSet">tns1:{topic}</wsnt:Topic>'
        f'<wsnt:Message><tt:Message UtcTime="{stamp(at)}" PropertyOperation="{operation}">'
        f"<tt:Source><tt:SimpleItem Name={quoteattr(source[0])} Value={quoteattr(source[1])}/></tt:Source>"
        f"<tt:Data><tt:SimpleItem Name={quoteattr(data[0])} Value={quoteattr(data[1])}/></tt:Data></tt:Message></wsnt:Message>"
        "</wsnt:NotificationMessage>"
    )


def pulled(messages: Iterable[str], now: datetime, ends: datetime) -> str:
    """PullMessagesResponse."""
    return (
        f"<tev:PullMessagesResponse><tev:CurrentTime>{stamp(now)}</tev:CurrentTime><tev:TerminationTime>{stamp(ends)}</tev:TerminationTime>"
        f"{''.join(messages)}</tev:PullMessagesResponse>"
    )


def stamp(at: datetime) -> str:
    """A time as XML has it."""
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")
