/**
 * The pages of the HID Usage Tables 1.6 (USB-IF) and their usages, as test/support/make-usage-tables.cjs writes them: do
 * not edit. A page is a line with its number and name; below it stand rows of usages, each with the number of its first
 * and the names from there on, one after the other. `N..` is a page whose usages are numbered from N on.
 */
export const USAGE_TABLES = `
0x01 Generic Desktop
 0x01 Pointer|Mouse
 0x04 Joystick|Gamepad|Keyboard|Keypad|Multi-axis Controller|Tablet PC System Controls|Water Cooling Device
 0x0b Computer Chassis Device|Wireless Radio Controls|Portable Device Control|System Multi-Axis Controller
 0x0f Spatial Controller|Assistive Control|Device Dock|Dockable Device|Call State Management Control
 0x30 X|Y|Z|Rx|Ry|Rz|Slider|Dial|Wheel|Hat Switch|Counted Buffer|Byte Count|Motion Wakeup|Start|Select
 0x40 Vx|Vy|Vz|Vbrx|Vbry|Vbrz|Vno|Feature Notification|Resolution Multiplier|Qx|Qy|Qz|Qw
 0x80 System Control|System Power Down|System Sleep|System Wake Up|System Context Menu|System Main Menu
 0x86 System App Menu|System Menu Help|System Menu Exit|System Menu Select|System Menu Right|System Menu Left
 0x8c System Menu Up|System Menu Down|System Cold Restart|System Warm Restart|D-pad Up|D-pad Down|D-pad Right
 0x93 D-pad Left|Index Trigger|Palm Trigger|Thumbstick|System Function Shift|System Function Shift Lock
 0x99 System Function Shift Lock Indicator|System Dismiss Notification|System Do Not Disturb
 0xa0 System Dock|System Undock|System Setup|System Break|System Debugger Break|Application Break
 0xa6 Application Debugger Break|System Speaker Mute|System Hibernate|System Microphone Mute
 0xaa System Accessibility Binding
 0xb0 System Display Invert|System Display Internal|System Display External|System Display Both|System Display Dual
 0xb5 System Display Toggle Int/Ext Mode|System Display Swap Primary/Secondary|System Display Toggle LCD Autoscale
 0xc0 Sensor Zone|RPM|Coolant Level|Coolant Critical Level|Coolant Pump|Chassis Enclosure|Wireless Radio Button
 0xc7 Wireless Radio LED|Wireless Radio Slider Switch|System Display Rotation Lock Button
 0xca System Display Rotation Lock Slider Switch|Control Enable
 0xd0 Dockable Device Unique ID|Dockable Device Vendor ID|Dockable Device Primary Usage Page
 0xd3 Dockable Device Primary Usage ID|Dockable Device Docking State|Dockable Device Display Occlusion
 0xd6 Dockable Device Object Type
 0xe0 Call Active LED|Call Mute Toggle|Call Mute LED
0x02 Simulation Controls
 0x01 Flight Simulation Device|Automobile Simulation Device|Tank Simulation Device|Spaceship Simulation Device
 0x05 Submarine Simulation Device|Sailing Simulation Device|Motorcycle Simulation Device|Sports Simulation Device
 0x09 Airplane Simulation Device|Helicopter Simulation Device|Magic Carpet Simulation Device|Bicycle Simulation Device
 0x20 Flight Control Stick|Flight Stick|Cyclic Control|Cyclic Trim|Flight Yoke|Track Control
 0xb0 Aileron|Aileron Trim|Anti-Torque Control|Autopilot Enable|Chaff Release|Collective Control|Dive Brake
 0xb7 Electronic Countermeasures|Elevator|Elevator Trim|Rudder|Throttle|Flight Communications|Flare Release
 0xbe Landing Gear|Toe Brake|Trigger|Weapons Arm|Weapons Select|Wing Flaps|Accelerator|Brake|Clutch|Shifter|Steering
 0xc9 Turret Direction|Barrel Elevation|Dive Plane|Ballast|Bicycle Crank|Handle Bars|Front Brake|Rear Brake
0x03 VR Controls
 0x01 Belt|Body Suit|Flexor|Glove|Head Tracker|Head Mounted Display|Hand Tracker|Oculometer|Vest|Animatronic Device
 0x20 Stereo Enable|Display Enable
0x04 Sport Controls
 0x01 Baseball Bat|Golf Club|Rowing Machine|Treadmill
 0x30 Oar|Slope|Rate|Stick Speed|Stick Face Angle|Stick Heel/Toe|Stick Follow Through|Stick Tempo|Stick Type
 0x39 Stick Height
 0x50 Putter|1 Iron|2 Iron|3 Iron|4 Iron|5 Iron|6 Iron|7 Iron|8 Iron|9 Iron|10 Iron|11 Iron|Sand Wedge|Loft Wedge
 0x5e Power Wedge|1 Wood|3 Wood|5 Wood|7 Wood|9 Wood
0x05 Game Controls
 0x01 3D Game Controller|Pinball Device|Gun Device
 0x20 Point of View|Turn Right/Left|Pitch Forward/Backward|Roll Right/Left|Move Right/Left|Move Forward/Backward
 0x26 Move Up/Down|Lean Right/Left|Lean Forward/Backward|Height of POV|Flipper|Secondary Flipper|Bump|New Game
 0x2e Shoot Ball|Player|Gun Bolt|Gun Clip|Gun Selector|Gun Single Shot|Gun Burst|Gun Automatic|Gun Safety
 0x37 Gamepad Fire/Jump
 0x39 Gamepad Trigger|Form-fitting Gamepad
0x06 Generic Device Controls
 0x01 Background/Nonuser Controls
 0x20 Battery Strength|Wireless Channel|Wireless ID|Discover Wireless Control|Security Code Character Entered
 0x25 Security Code Character Erased|Security Code Cleared|Sequence ID|Sequence ID Reset|RF Signal Strength
 0x2a Software Version|Protocol Version|Hardware Version|Major|Minor|Revision|Handedness|Either Hand|Left Hand
 0x33 Right Hand|Both Hands
 0x40 Grip Pose Offset|Pointer Pose Offset
0x07 Keyboard/Keypad
 0x01 ErrorRollOver|POSTFail|ErrorUndefined|Keyboard A|Keyboard B|Keyboard C|Keyboard D|Keyboard E|Keyboard F
 0x0a Keyboard G|Keyboard H|Keyboard I|Keyboard J|Keyboard K|Keyboard L|Keyboard M|Keyboard N|Keyboard O|Keyboard P
 0x14 Keyboard Q|Keyboard R|Keyboard S|Keyboard T|Keyboard U|Keyboard V|Keyboard W|Keyboard X|Keyboard Y|Keyboard Z
 0x1e Keyboard 1 and Bang|Keyboard 2 and At|Keyboard 3 and Hash|Keyboard 4 and Dollar|Keyboard 5 and Percent
 0x23 Keyboard 6 and Caret|Keyboard 7 and Ampersand|Keyboard 8 and Star|Keyboard 9 and Left Bracket
 0x27 Keyboard 0 and Right Bracket|Keyboard Return Enter|Keyboard Escape|Keyboard Delete|Keyboard Tab
 0x2c Keyboard Spacebar|Keyboard Dash and Underscore|Keyboard Equals and Plus|Keyboard Left Brace|Keyboard Right Brace
 0x31 Keyboard Backslash and Pipe|Keyboard Non-US Hash and Tilde|Keyboard SemiColon and Colon
 0x34 Keyboard Left Apos and Double|Keyboard Grave Accent and Tilde|Keyboard Comma and LessThan
 0x37 Keyboard Period and GreaterThan|Keyboard ForwardSlash and QuestionMark|Keyboard Caps Lock|Keyboard F1
 0x3b Keyboard F2|Keyboard F3|Keyboard F4|Keyboard F5|Keyboard F6|Keyboard F7|Keyboard F8|Keyboard F9|Keyboard F10
 0x44 Keyboard F11|Keyboard F12|Keyboard PrintScreen|Keyboard Scroll Lock|Keyboard Pause|Keyboard Insert|Keyboard Home
 0x4b Keyboard PageUp|Keyboard Delete Forward|Keyboard End|Keyboard PageDown|Keyboard RightArrow|Keyboard LeftArrow
 0x51 Keyboard DownArrow|Keyboard UpArrow|Keypad Num Lock and Clear|Keypad ForwardSlash|Keypad Star|Keypad Dash
 0x57 Keypad Plus|Keypad ENTER|Keypad 1 and End|Keypad 2 and Down Arrow|Keypad 3 and PageDn|Keypad 4 and Left Arrow
 0x5d Keypad 5|Keypad 6 and Right Arrow|Keypad 7 and Home|Keypad 8 and Up Arrow|Keypad 9 and PageUp
 0x62 Keypad 0 and Insert|Keypad Period and Delete|Keyboard Non-US Backslash and Pipe|Keyboard Application
 0x66 Keyboard Power|Keypad Equals|Keyboard F13|Keyboard F14|Keyboard F15|Keyboard F16|Keyboard F17|Keyboard F18
 0x6e Keyboard F19|Keyboard F20|Keyboard F21|Keyboard F22|Keyboard F23|Keyboard F24|Keyboard Execute|Keyboard Help
 0x76 Keyboard Menu|Keyboard Select|Keyboard Stop|Keyboard Again|Keyboard Undo|Keyboard Cut|Keyboard Copy
 0x7d Keyboard Paste|Keyboard Find|Keyboard Mute|Keyboard Volume Up|Keyboard Volume Down|Keyboard Locking Caps Lock
 0x83 Keyboard Locking Num Lock|Keyboard Locking Scroll Lock|Keypad Comma|Keypad Equal Sign|Keyboard International1
 0x88 Keyboard International2|Keyboard International3|Keyboard International4|Keyboard International5
 0x8c Keyboard International6|Keyboard International7|Keyboard International8|Keyboard International9|Keyboard LANG1
 0x91 Keyboard LANG2|Keyboard LANG3|Keyboard LANG4|Keyboard LANG5|Keyboard LANG6|Keyboard LANG7|Keyboard LANG8
 0x98 Keyboard LANG9|Keyboard Alternate Erase|Keyboard SysReq Attention|Keyboard Cancel|Keyboard Clear|Keyboard Prior
 0x9e Keyboard Return|Keyboard Separator|Keyboard Out|Keyboard Oper|Keyboard Clear Again|Keyboard CrSel Props
 0xa4 Keyboard ExSel
 0xb0 Keypad Double 0|Keypad Triple 0|Thousands Separator|Decimal Separator|Currency Unit|Currency Sub-unit
 0xb6 Keypad Left Bracket|Keypad Right Bracket|Keypad Left Brace|Keypad Right Brace|Keypad Tab|Keypad Backspace
 0xbc Keypad A|Keypad B|Keypad C|Keypad D|Keypad E|Keypad F|Keypad XOR|Keypad Caret|Keypad Percentage|Keypad Less
 0xc6 Keypad Greater|Keypad Ampersand|Keypad Double Ampersand|Keypad Bar|Keypad Double Bar|Keypad Colon|Keypad Hash
 0xcd Keypad Space|Keypad At|Keypad Bang|Keypad Memory Store|Keypad Memory Recall|Keypad Memory Clear
 0xd3 Keypad Memory Add|Keypad Memory Subtract|Keypad Memory Multiply|Keypad Memory Divide|Keypad Plus Minus
 0xd8 Keypad Clear|Keypad Clear Entry|Keypad Binary|Keypad Octal|Keypad Decimal|Keypad Hexadecimal
 0xe0 Keyboard LeftControl|Keyboard LeftShift|Keyboard LeftAlt|Keyboard Left GUI|Keyboard RightControl
 0xe5 Keyboard RightShift|Keyboard RightAlt|Keyboard Right GUI
0x08 LED
 0x01 Num Lock|Caps Lock|Scroll Lock|Compose|Kana|Power|Shift|Do Not Disturb|Mute|Tone Enable|High Cut Filter
 0x0c Low Cut Filter|Equalizer Enable|Sound Field On|Surround On|Repeat|Stereo|Sampling Rate Detect|Spinning|CAV|CLV
 0x16 Recording Format Detect|Off-Hook|Ring|Message Waiting|Data Mode|Battery Operation|Battery OK|Battery Low|Speaker
 0x1f Headset|Hold|Microphone|Coverage|Night Mode|Send Calls|Call Pickup|Conference|Stand-by|Camera On|Camera Off
 0x2a On-Line|Off-Line|Busy|Ready|Paper-Out|Paper-Jam|Remote|Forward|Reverse|Stop|Rewind|Fast Forward|Play|Pause
 0x38 Record|Error|Usage Selected Indicator|Usage In Use Indicator|Usage Multi Mode Indicator|Indicator On
 0x3e Indicator Flash|Indicator Slow Blink|Indicator Fast Blink|Indicator Off|Flash On Time|Slow Blink On Time
 0x44 Slow Blink Off Time|Fast Blink On Time|Fast Blink Off Time|Usage Indicator Color|Indicator Red|Indicator Green
 0x4a Indicator Amber|Generic Indicator|System Suspend|External Power Connected|Indicator Blue|Indicator Orange
 0x50 Good Status|Warning Status|RGB LED|Red LED Channel|Blue LED Channel|Green LED Channel|LED Intensity
 0x57 System Microphone Mute
 0x60 Player Indicator|Player 1|Player 2|Player 3|Player 4|Player 5|Player 6|Player 7|Player 8
0x09 Button
 0x01.. Button
0x0a Ordinal
 0x01.. Instance
0x0b Telephony Device
 0x01 Phone|Answering Machine|Message Controls|Handset|Headset|Telephony Key Pad|Programmable Button
 0x20 Hook Switch|Flash|Feature|Hold|Redial|Transfer|Drop|Park|Forward Calls|Alternate Function|Line|Speaker Phone
 0x2c Conference|Ring Enable|Ring Select|Phone Mute|Caller ID|Send
 0x50 Speed Dial|Store Number|Recall Number|Phone Directory
 0x70 Voice Mail|Screen Calls|Do Not Disturb|Message|Answer On/Off
 0x90 Inside Dial Tone|Outside Dial Tone|Inside Ring Tone|Outside Ring Tone|Priority Ring Tone|Inside Ringback
 0x96 Priority Ringback|Line Busy Tone|Reorder Tone|Call Waiting Tone|Confirmation Tone 1|Confirmation Tone 2
 0x9c Tones Off|Outside Ringback|Ringer
 0xb0 Phone Key 0|Phone Key 1|Phone Key 2|Phone Key 3|Phone Key 4|Phone Key 5|Phone Key 6|Phone Key 7|Phone Key 8
 0xb9 Phone Key 9|Phone Key Star|Phone Key Pound|Phone Key A|Phone Key B|Phone Key C|Phone Key D
 0xc0 Phone Call History Key|Phone Caller ID Key|Phone Settings Key
 0xf0 Host Control|Host Available|Host Call Active|Activate Handset Audio|Ring Type|Re-dialable Phone Number
 0xf8 Stop Ring Tone|PSTN Ring Tone|Host Ring Tone|Alert Sound Error|Alert Sound Confirm|Alert Sound Notification
 0xfe Silent Ring
 0x108 Email Message Waiting|Voicemail Message Waiting|Host Hold
 0x110 Incoming Call History Count|Outgoing Call History Count|Incoming Call History|Outgoing Call History
 0x114 Phone Locale
 0x140 Phone Time Second|Phone Time Minute|Phone Time Hour|Phone Date Day|Phone Date Month|Phone Date Year
 0x146 Handset Nickname|Address Book ID
 0x14a Call Duration|Dual Mode Phone
0x0c Consumer
 0x01 Consumer Control|Numeric Key Pad|Programmable Buttons|Microphone|Headphone|Graphic Equalizer
 0x20 +10|+100|AM/PM
 0x30 Power|Reset|Sleep|Sleep After|Sleep Mode|Illumination|Function Buttons
 0x40 Menu|Menu Pick|Menu Up|Menu Down|Menu Left|Menu Right|Menu Escape|Menu Value Increase|Menu Value Decrease
 0x60 Data On Screen|Closed Caption|Closed Caption Select|VCR/TV|Broadcast Mode|Snapshot|Still
 0x67 Picture-in-Picture Toggle|Picture-in-Picture Swap|Red Menu Button|Green Menu Button|Blue Menu Button
 0x6c Yellow Menu Button|Aspect|3D Mode Select|Display Brightness Increment|Display Brightness Decrement
 0x71 Display Brightness|Display Backlight Toggle|Display Set Brightness to Minimum|Display Set Brightness to Maximum
 0x75 Display Set Auto Brightness|Camera Access Enabled|Camera Access Disabled|Camera Access Toggle
 0x79 Keyboard Brightness Increment|Keyboard Brightness Decrement|Keyboard Backlight Set Level|Keyboard Backlight OOC
 0x7d Keyboard Backlight Set Minimum|Keyboard Backlight Set Maximum|Keyboard Backlight Auto|Selection|Assign Selection
 0x82 Mode Step|Recall Last|Enter Channel|Order Movie|Channel|Media Selection|Media Select Computer|Media Select TV
 0x8a Media Select WWW|Media Select DVD|Media Select Telephone|Media Select Program Guide|Media Select Video Phone
 0x8f Media Select Games|Media Select Messages|Media Select CD|Media Select VCR|Media Select Tuner|Quit|Help
 0x96 Media Select Tape|Media Select Cable|Media Select Satellite|Media Select Security|Media Select Home
 0x9b Media Select Call|Channel Increment|Channel Decrement|Media Select SAP
 0xa0 VCR Plus|Once|Daily|Weekly|Monthly
 0xb0 Play|Pause|Record|Fast Forward|Rewind|Scan Next Track|Scan Previous Track|Stop|Eject|Random Play|Select Disc
 0xbb Enter Disc|Repeat|Tracking|Track Normal|Slow Tracking|Frame Forward|Frame Back|Mark|Clear Mark|Repeat From Mark
 0xc5 Return To Mark|Search Mark Forward|Search Mark Backwards|Counter Reset|Show Counter|Tracking Increment
 0xcb Tracking Decrement|Stop/Eject|Play/Pause|Play/Skip|Voice Command|Invoke Capture Interface
 0xd1 Start or Stop Game Recording|Historical Game Capture|Capture Game Screenshot|Show or Hide Recording Indicator
 0xd5 Start or Stop Microphone Capture|Start or Stop Camera Capture|Start or Stop Game Broadcast
 0xd8 Start or Stop Voice Dictation Session|Invoke/Dismiss Emoji Picker
 0xe0 Volume|Balance|Mute|Bass|Treble|Bass Boost|Surround Mode|Loudness|MPX|Volume Increment|Volume Decrement
 0xf0 Speed Select|Playback Speed|Standard Play|Long Play|Extended Play|Slow
 0x100 Fan Enable|Fan Speed|Light Enable|Light Illumination Level|Climate Control Enable|Room Temperature
 0x106 Security Enable|Fire Alarm|Police Alarm|Proximity|Motion|Duress Alarm|Holdup Alarm|Medical Alarm
 0x150 Balance Right|Balance Left|Bass Increment|Bass Decrement|Treble Increment|Treble Decrement
 0x160 Speaker System|Channel Left|Channel Right|Channel Center|Channel Front|Channel Center Front|Channel Side
 0x167 Channel Surround|Channel Low Frequency Enhancement|Channel Top|Channel Unknown
 0x170 Sub-channel|Sub-channel Increment|Sub-channel Decrement|Alternate Audio Increment|Alternate Audio Decrement
 0x180 Application Launch Buttons|AL Launch Button Configuration Tool|AL Programmable Button Configuration
 0x183 AL Consumer Control Configuration|AL Word Processor|AL Text Editor|AL Spreadsheet|AL Graphics Editor
 0x188 AL Presentation App|AL Database App|AL Email Reader|AL Newsreader|AL Voicemail|AL Contacts/Address Book
 0x18e AL Calendar/Schedule|AL Task/Project Manager|AL Log/Journal/Timecard|AL Checkbook/Finance|AL Calculator
 0x193 AL A/V Capture/Playback|AL Local Machine Browser|AL LAN/WAN Browser|AL Internet Browser
 0x197 AL Remote Networking/ISP Connect|AL Network Conference|AL Network Chat|AL Telephony/Dialer|AL Logon|AL Logoff
 0x19d AL Logon/Logoff|AL Terminal Lock/Screensaver|AL Control Panel|AL Command Line Processor/Run
 0x1a1 AL Process/Task Manager|AL Select Task/Application|AL Next Task/Application|AL Previous Task/Application
 0x1a5 AL Preemptive Halt Task/Application|AL Integrated Help Center|AL Documents|AL Thesaurus|AL Dictionary
 0x1aa AL Desktop|AL Spell Check|AL Grammar Check|AL Wireless Status|AL Keyboard Layout|AL Virus Protection
 0x1b0 AL Encryption|AL Screen Saver|AL Alarms|AL Clock|AL File Browser|AL Power Status|AL Image Browser
 0x1b7 AL Audio Browser|AL Movie Browser|AL Digital Rights Manager|AL Digital Wallet
 0x1bc AL Instant Messaging|AL OEM Features/ Tips/Tutorial Browser|AL OEM Help|AL Online Community
 0x1c0 AL Entertainment Content Browser|AL Online Shopping Browser|AL SmartCard Information/Help
 0x1c3 AL Market Monitor/Finance Browser|AL Customized Corporate News Browser|AL Online Activity Browser
 0x1c6 AL Research/Search Browser|AL Audio Player|AL Message Status|AL Contact Sync|AL Navigation
 0x1cb AL Context-aware Desktop Assistant
 0x200 Generic GUI Application Controls|AC New|AC Open|AC Close|AC Exit|AC Maximize|AC Minimize|AC Save|AC Print
 0x209 AC Properties
 0x21a AC Undo|AC Copy|AC Cut|AC Paste|AC Select All|AC Find|AC Find and Replace|AC Search|AC Go To|AC Home|AC Back
 0x225 AC Forward|AC Stop|AC Refresh|AC Previous Link|AC Next Link|AC Bookmarks|AC History|AC Subscriptions|AC Zoom In
 0x22e AC Zoom Out|AC Zoom|AC Full Screen View|AC Normal View|AC View Toggle|AC Scroll Up|AC Scroll Down|AC Scroll
 0x236 AC Pan Left|AC Pan Right|AC Pan|AC New Window|AC Tile Horizontally|AC Tile Vertically|AC Format|AC Edit|AC Bold
 0x23f AC Italics|AC Underline|AC Strikethrough|AC Subscript|AC Superscript|AC All Caps|AC Rotate|AC Resize
 0x247 AC Flip Horizontal|AC Flip Vertical|AC Mirror Horizontal|AC Mirror Vertical|AC Font Select|AC Font Color
 0x24d AC Font Size|AC Justify Left|AC Justify Center H|AC Justify Right|AC Justify Block H|AC Justify Top
 0x253 AC Justify Center V|AC Justify Bottom|AC Justify Block V|AC Indent Decrease|AC Indent Increase|AC Numbered List
 0x259 AC Restart Numbering|AC Bulleted List|AC Promote|AC Demote|AC Yes|AC No|AC Cancel|AC Catalog|AC Buy/Checkout
 0x262 AC Add to Cart|AC Expand|AC Expand All|AC Collapse|AC Collapse All|AC Print Preview|AC Paste Special
 0x269 AC Insert Mode|AC Delete|AC Lock|AC Unlock|AC Protect|AC Unprotect|AC Attach Comment|AC Delete Comment
 0x271 AC View Comment|AC Select Word|AC Select Sentence|AC Select Paragraph|AC Select Column|AC Select Row
 0x277 AC Select Table|AC Select Object|AC Redo/Repeat|AC Sort|AC Sort Ascending|AC Sort Descending|AC Filter
 0x27e AC Set Clock|AC View Clock|AC Select Time Zone|AC Edit Time Zones|AC Set Alarm|AC Clear Alarm|AC Snooze Alarm
 0x285 AC Reset Alarm|AC Synchronize|AC Send/Receive|AC Send To|AC Reply|AC Reply All|AC Forward Msg|AC Send
 0x28d AC Attach File|AC Upload|AC Download (Save Target As)|AC Set Borders|AC Insert Row|AC Insert Column
 0x293 AC Insert File|AC Insert Picture|AC Insert Object|AC Insert Symbol|AC Save and Close|AC Rename|AC Merge
 0x29a AC Split|AC Disribute Horizontally|AC Distribute Vertically|AC Next Keyboard Layout Select
 0x29e AC Navigation Guidance|AC Desktop Show All Windows|AC Soft Key Left|AC Soft Key Right
 0x2a2 AC Desktop Show All Applications
 0x2b0 AC Idle Keep Alive
 0x2c0 Extended Keyboard Attributes Collection|Keyboard Form Factor|Keyboard Key Type|Keyboard Physical Layout
 0x2c4 Vendor-Specific Keyboard Physical Layout|Keyboard IETF Language Tag Index
 0x2c6 Implemented Keyboard Input Assist Controls|Keyboard Input Assist Previous|Keyboard Input Assist Next
 0x2c9 Keyboard Input Assist Previous Group|Keyboard Input Assist Next Group|Keyboard Input Assist Accept
 0x2cc Keyboard Input Assist Cancel
 0x2d0 Privacy Screen Toggle|Privacy Screen Level Decrement|Privacy Screen Level Increment
 0x2d3 Privacy Screen Level Minimum|Privacy Screen Level Maximum
 0x500 Contact Edited|Contact Added|Contact Record Active|Contact Index|Contact Nickname|Contact First Name
 0x506 Contact Last Name|Contact Full Name|Contact Phone Number Personal|Contact Phone Number Business
 0x50a Contact Phone Number Mobile|Contact Phone Number Pager|Contact Phone Number Fax|Contact Phone Number Other
 0x50e Contact Email Personal|Contact Email Business|Contact Email Other|Contact Email Main|Contact Speed Dial Number
 0x513 Contact Status Flag|Contact Misc.
0x0d Digitizers
 0x01 Digitizer|Pen|Light Pen|Touch Screen|Touch Pad|Whiteboard|Coordinate Measuring Machine|3D Digitizer
 0x09 Stereo Plotter|Articulated Arm|Armature|Multiple Point Digitizer|Free Space Wand|Device Configuration
 0x0f Capacitive Heat Map Digitizer
 0x20 Stylus|Puck|Finger|Device settings|Character Gesture
 0x30 Tip Pressure|Barrel Pressure|In Range|Touch|Untouch|Tap|Quality|Data Valid|Transducer Index|Tablet Function Keys
 0x3a Program Change Keys|Battery Strength|Invert|X Tilt|Y Tilt|Azimuth|Altitude|Twist|Tip Switch|Secondary Tip Switch
 0x44 Barrel Switch|Eraser|Tablet Pick|Touch Valid|Width|Height
 0x51 Contact Identifier|Device Mode|Device Identifier|Contact Count|Contact Count Maximum|Scan Time|Surface Switch
 0x58 Button Switch|Pad Type|Secondary Barrel Switch|Transducer Serial Number|Preferred Color
 0x5d Preferred Color is Locked|Preferred Line Width|Preferred Line Width is Locked|Latency Mode
 0x61 Gesture Character Quality|Character Gesture Data Length|Character Gesture Data|Gesture Character Encoding
 0x65 UTF8 Character Gesture Encoding|UTF16 Little Endian Character Gesture Encoding
 0x67 UTF16 Big Endian Character Gesture Encoding|UTF32 Little Endian Character Gesture Encoding
 0x69 UTF32 Big Endian Character Gesture Encoding|Capacitive Heat Map Protocol Vendor ID
 0x6b Capacitive Heat Map Protocol Version|Capacitive Heat Map Frame Data|Gesture Character Enable
 0x6e Transducer Serial Number Part 2|No Preferred Color|Preferred Line Style|Preferred Line Style is Locked|Ink
 0x73 Pencil|Highlighter|Chisel Marker|Brush|No Preference
 0x80 Digitizer Diagnostic|Digitizer Error|Err Normal Status|Err Transducers Exceeded
 0x84 Err Full Trans Features Unavailable|Err Charge Low
 0x90 Transducer Software Info|Transducer Vendor ID|Transducer Product ID|Device Supported Protocols
 0x94 Transducer Supported Protocols|No Protocol|Wacom AES Protocol|USI Protocol|Microsoft Pen Protocol
 0xa0 Supported Report Rates|Report Rate|Transducer Connected|Switch Disabled|Switch Unimplemented|Transducer Switches
 0xa6 Transducer Index Selector
 0xb0 Button Press Threshold
0x0e Haptics
 0x01 Simple Haptic Controller
 0x10 Waveform List|Duration List
 0x20 Auto Trigger|Manual Trigger|Auto Trigger Associated Control|Intensity|Repeat Count|Retrigger Period
 0x26 Waveform Vendor Page|Waveform Vendor ID|Waveform Cutoff Time
 0x1001 Waveform None|Waveform Stop|Waveform Click|Waveform Buzz Continuous|Waveform Rumble Continuous|Waveform Press
 0x1007 Waveform Release|Waveform Hover|Waveform Success|Waveform Error|Waveform Ink Continuous
 0x100c Waveform Pencil Continuous|Waveform Marker Continuous|Waveform Chisel Marker Continuous
 0x100f Waveform Brush Continuous|Waveform Eraser Continuous|Waveform Sparkle Continuous
0x0f Physical Input Device
 0x01 Physical Input Device
 0x20 Normal|Set Effect Report|Effect Parameter Block Index|Parameter Block Offset|ROM Flag|Effect Type
 0x26 ET Constant-Force|ET Ramp|ET Custom-Force
 0x30 ET Square|ET Sine|ET Triangle|ET Sawtooth Up|ET Sawtooth Down
 0x40 ET Spring|ET Damper|ET Inertia|ET Friction
 0x50 Duration|Sample Period|Gain|Trigger Button|Trigger Repeat Interval|Axes Enable|Direction Enable|Direction
 0x58 Type Specific Block Offset|Block Type|Set Envelope Report|Attack Level|Attack Time|Fade Level|Fade Time
 0x5f Set Condition Report|Center-Point Offset|Positive Coefficient|Negative Coefficient|Positive Saturation
 0x64 Negative Saturation|Dead Band|Download Force Sample|Isoch Custom-Force Enable|Custom-Force Data Report
 0x69 Custom-Force Data|Custom-Force Vendor Defined Data|Set Custom-Force Report|Custom-Force Data Offset|Sample Count
 0x6e Set Periodic Report|Offset|Magnitude|Phase|Period|Set Constant-Force Report|Set Ramp-Force Report|Ramp Start
 0x76 Ramp End|Effect Operation Report|Effect Operation|Op Effect Start|Op Effect Start Solo|Op Effect Stop|Loop Count
 0x7d Device Gain Report|Device Gain|Parameter Block Pools Report|RAM Pool Size|ROM Pool Size|ROM Effect Block Count
 0x83 Simultaneous Effects Max|Pool Alignment|Parameter Block Move Report|Move Source|Move Destination|Move Length
 0x89 Effect Parameter Block Load Report
 0x8b Effect Parameter Block Load Status|Block Load Success|Block Load Full|Block Load Error|Block Handle
 0x90 Effect Parameter Block Free Report|Type Specific Block Handle|PID State Report
 0x94 Effect Playing|PID Device Control Report|PID Device Control|DC Enable Actuators|DC Disable Actuators
 0x99 DC Stop All Effects|DC Reset|DC Pause|DC Continue
 0x9f Device Paused|Actuators Enabled
 0xa4 Safety Switch|Actuator Override Switch|Actuator Power|Start Delay|Parameter Block Size|Device-Managed Pool
 0xaa Shared Parameter Blocks|Create New Effect Parameter Block Report|RAM Pool Available
0x11 SoC
 0x01 SocControl|FirmwareTransfer|FirmwareFileId|FileOffsetInBytes|FileTransferSizeMaxInBytes|FilePayload
 0x07 FilePayloadSizeInBytes|FilePayloadContainsLastBytes|FileTransferStop|FileTransferTillEnd
0x12 Eye and Head Trackers
 0x01 Eye Tracker|Head Tracker
 0x10 Tracking Data|Capabilities|Configuration|Status|Control
 0x20 Sensor Timestamp|Position X|Position Y|Position Z|Gaze Point|Left Eye Position|Right Eye Position|Head Position
 0x28 Head Direction Point|Rotation about X axis|Rotation about Y axis|Rotation about Z axis
 0x100 Tracker Quality|Minimum Tracking Distance|Optimum Tracking Distance|Maximum Tracking Distance
 0x104 Maximum Screen Plane Width|Maximum Screen Plane Height
 0x200 Display Manufacturer ID|Display Product ID|Display Serial Number|Display Manufacturer Date
 0x204 Calibrated Screen Width|Calibrated Screen Height
 0x300 Sampling Frequency|Configuration Status
 0x400 Device Mode Request
0x14 Auxiliary Display
 0x01 Alphanumeric Display|Auxiliary Display
 0x20 Display Attributes Report|ASCII Character Set|Data Read Back|Font Read Back|Display Control Report|Clear Display
 0x26 Display Enable|Screen Saver Delay|Screen Saver Enable|Vertical Scroll|Horizontal Scroll|Character Report
 0x2c Display Data|Display Status|Stat Not Ready|Stat Ready|Err Not a loadable character|Err Font data cannot be read
 0x32 Cursor Position Report|Row|Column|Rows|Columns|Cursor Pixel Positioning|Cursor Mode|Cursor Enable|Cursor Blink
 0x3b Font Report|Font Data|Character Width|Character Height|Character Spacing Horizontal|Character Spacing Vertical
 0x41 Unicode Character Set|Font 7-Segment|7-Segment Direct Map|Font 14-Segment|14-Segment Direct Map
 0x46 Display Brightness|Display Contrast|Character Attribute|Attribute Readback|Attribute Data|Char Attr Enhance
 0x4c Char Attr Underline|Char Attr Blink
 0x80 Bitmap Size X|Bitmap Size Y|Max Blit Size|Bit Depth Format|Display Orientation|Palette Report|Palette Data Size
 0x87 Palette Data Offset|Palette Data
 0x8a Blit Report|Blit Rectangle X1|Blit Rectangle Y1|Blit Rectangle X2|Blit Rectangle Y2|Blit Data|Soft Button
 0x91 Soft Button ID|Soft Button Side|Soft Button Offset 1|Soft Button Offset 2|Soft Button Report
 0xc2 Soft Keys
 0xcc Display Data Extensions
 0xcf Character Mapping
 0xdd Unicode Equivalent
 0xdf Character Page Mapping
 0xff Request Report
0x20 Sensors
 0x01 Sensor
 0x10 Biometric|Biometric: Human Presence|Biometric: Human Proximity|Biometric: Human Touch|Biometric: Blood Pressure
 0x15 Biometric: Body Temperature|Biometric: Heart Rate|Biometric: Heart Rate Variability
 0x18 Biometric: Peripheral Oxygen Saturation|Biometric: Respiratory Rate
 0x20 Electrical|Electrical: Capacitance|Electrical: Current|Electrical: Power|Electrical: Inductance
 0x25 Electrical: Resistance|Electrical: Voltage|Electrical: Potentiometer|Electrical: Frequency|Electrical: Period
 0x30 Environmental|Environmental: Atmospheric Pressure|Environmental: Humidity|Environmental: Temperature
 0x34 Environmental: Wind Direction|Environmental: Wind Speed|Environmental: Air Quality|Environmental: Heat Index
 0x38 Environmental: Surface Temperature|Environmental: Volatile Organic Compounds|Environmental: Object Presence
 0x3b Environmental: Object Proximity
 0x40 Light|Light: Ambient Light|Light: Consumer Infrared|Light: Infrared Light|Light: Visible Light
 0x45 Light: Ultraviolet Light
 0x50 Location|Location: Broadcast|Location: Dead Reckoning|Location: GPS (Global Positioning System)|Location: Lookup
 0x55 Location: Other|Location: Static|Location: Triangulation
 0x60 Mechanical|Mechanical: Boolean Switch|Mechanical: Boolean Switch Array|Mechanical: Multivalue Switch
 0x64 Mechanical: Force|Mechanical: Pressure|Mechanical: Strain|Mechanical: Weight|Mechanical: Haptic Vibrator
 0x69 Mechanical: Hall Effect Switch
 0x70 Motion|Motion: Accelerometer 1D|Motion: Accelerometer 2D|Motion: Accelerometer 3D|Motion: Gyrometer 1D
 0x75 Motion: Gyrometer 2D|Motion: Gyrometer 3D|Motion: Motion Detector|Motion: Speedometer|Motion: Accelerometer
 0x7a Motion: Gyrometer|Motion: Gravity Vector|Motion: Linear Accelerometer
 0x80 Orientation|Orientation: Compass 1D|Orientation: Compass 2D|Orientation: Compass 3D|Orientation: Inclinometer 1D
 0x85 Orientation: Inclinometer 2D|Orientation: Inclinometer 3D|Orientation: Distance 1D|Orientation: Distance 2D
 0x89 Orientation: Distance 3D|Orientation: Device Orientation|Orientation: Compass|Orientation: Inclinometer
 0x8d Orientation: Distance|Orientation: Relative Orientation|Orientation: Simple Orientation|Scanner|Scanner: Barcode
 0x92 Scanner: RFID|Scanner: NFC
 0xa0 Time|Time: Alarm Timer|Time: Real Time Clock
 0xb0 Personal Activity|Personal Activity: Activity Detection|Personal Activity: Device Position
 0xb3 Personal Activity: Floor Tracker|Personal Activity: Pedometer|Personal Activity: Step Detection
 0xc0 Orientation Extended|Orientation Extended: Geomagnetic Orientation|Orientation Extended: Magnetometer
 0xd0 Gesture|Gesture: Chassis Flip Gesture|Gesture: Hinge Fold Gesture
 0xe0 Other|Other: Custom|Other: Generic|Other: Generic Enumerator|Other: Hinge Angle
 0xf0 Vendor Reserved 1|Vendor Reserved 2|Vendor Reserved 3|Vendor Reserved 4|Vendor Reserved 5|Vendor Reserved 6
 0xf6 Vendor Reserved 7|Vendor Reserved 8|Vendor Reserved 9|Vendor Reserved 10|Vendor Reserved 11|Vendor Reserved 12
 0xfc Vendor Reserved 13|Vendor Reserved 14|Vendor Reserved 15|Vendor Reserved 16
 0x200 Event|Event: Sensor State|Event: Sensor Event
 0x300 Property|Property: Friendly Name|Property: Persistent Unique ID|Property: Sensor Status
 0x304 Property: Minimum Report Interval|Property: Sensor Manufacturer|Property: Sensor Model
 0x307 Property: Sensor Serial Number|Property: Sensor Description|Property: Sensor Connection Type
 0x30a Property: Sensor Device Path|Property: Hardware Revision|Property: Firmware Version|Property: Release Date
 0x30e Property: Report Interval|Property: Change Sensitivity Absolute|Property: Change Sensitivity Percent of Range
 0x311 Property: Change Sensitivity Percent Relative|Property: Accuracy|Property: Resolution|Property: Maximum
 0x315 Property: Minimum|Property: Reporting State|Property: Sampling Rate|Property: Response Curve
 0x319 Property: Power State|Property: Maximum FIFO Events|Property: Report Latency|Property: Flush FIFO Events
 0x31d Property: Maximum Power Consumption|Property: Is Primary|Property: Human Presence Detection Type
 0x400 Data Field: Location
 0x402 Data Field: Altitude Antenna Sea Level|Data Field: Differential Reference Station ID
 0x404 Data Field: Altitude Ellipsoid Error|Data Field: Altitude Ellipsoid|Data Field: Altitude Sea Level Error
 0x407 Data Field: Altitude Sea Level|Data Field: Differential GPS Data Age|Data Field: Error Radius
 0x40a Data Field: Fix Quality|Data Field: Fix Type|Data Field: Geoidal Separation|Data Field: GPS Operation Mode
 0x40e Data Field: GPS Selection Mode|Data Field: GPS Status|Data Field: Position Dilution of Precision
 0x411 Data Field: Horizontal Dilution of Precision|Data Field: Vertical Dilution of Precision|Data Field: Latitude
 0x414 Data Field: Longitude|Data Field: True Heading|Data Field: Magnetic Heading|Data Field: Magnetic Variation
 0x418 Data Field: Speed|Data Field: Satellites in View|Data Field: Satellites in View Azimuth
 0x41b Data Field: Satellites in View Elevation|Data Field: Satellites in View IDs|Data Field: Satellites in View PRNs
 0x41e Data Field: Satellites in View S/N Ratios|Data Field: Satellites Used Count|Data Field: Satellites Used PRNs
 0x421 Data Field: NMEA Sentence|Data Field: Address Line 1|Data Field: Address Line 2|Data Field: City
 0x425 Data Field: State or Province|Data Field: Country or Region|Data Field: Postal Code
 0x42a Property: Location|Property: Location Desired Accuracy
 0x430 Data Field: Environmental|Data Field: Atmospheric Pressure
 0x433 Data Field: Relative Humidity|Data Field: Temperature|Data Field: Wind Direction|Data Field: Wind Speed
 0x437 Data Field: Air Quality Index|Data Field: Equivalent CO2|Data Field: Volatile Organic Compound Concentration
 0x43a Data Field: Object Presence|Data Field: Object Proximity Range|Data Field: Object Proximity Out of Range
 0x440 Property: Environmental|Property: Reference Pressure
 0x450 Data Field: Motion|Data Field: Motion State|Data Field: Acceleration|Data Field: Acceleration Axis X
 0x454 Data Field: Acceleration Axis Y|Data Field: Acceleration Axis Z|Data Field: Angular Velocity
 0x457 Data Field: Angular Velocity about X Axis|Data Field: Angular Velocity about Y Axis
 0x459 Data Field: Angular Velocity about Z Axis|Data Field: Angular Position
 0x45b Data Field: Angular Position about X Axis|Data Field: Angular Position about Y Axis
 0x45d Data Field: Angular Position about Z Axis|Data Field: Motion Speed|Data Field: Motion Intensity
 0x470 Data Field: Orientation|Data Field: Heading|Data Field: Heading X Axis|Data Field: Heading Y Axis
 0x474 Data Field: Heading Z Axis|Data Field: Heading Compensated Magnetic North
 0x476 Data Field: Heading Compensated True North|Data Field: Heading Magnetic North|Data Field: Heading True North
 0x479 Data Field: Distance|Data Field: Distance X Axis|Data Field: Distance Y Axis|Data Field: Distance Z Axis
 0x47d Data Field: Distance Out-of-Range|Data Field: Tilt|Data Field: Tilt X Axis|Data Field: Tilt Y Axis
 0x481 Data Field: Tilt Z Axis|Data Field: Rotation Matrix|Data Field: Quaternion|Data Field: Magnetic Flux
 0x485 Data Field: Magnetic Flux X Axis|Data Field: Magnetic Flux Y Axis|Data Field: Magnetic Flux Z Axis
 0x488 Data Field: Magnetometer Accuracy|Data Field: Simple Orientation Direction
 0x490 Data Field: Mechanical|Data Field: Boolean Switch State|Data Field: Boolean Switch Array States
 0x493 Data Field: Multivalue Switch Value|Data Field: Force|Data Field: Absolute Pressure|Data Field: Gauge Pressure
 0x497 Data Field: Strain|Data Field: Weight
 0x4a0 Property: Mechanical|Property: Vibration State|Property: Forward Vibration Speed
 0x4a3 Property: Backward Vibration Speed
 0x4b0 Data Field: Biometric|Data Field: Human Presence|Data Field: Human Proximity Range
 0x4b3 Data Field: Human Proximity Out of Range|Data Field: Human Touch State|Data Field: Blood Pressure
 0x4b6 Data Field: Blood Pressure Diastolic|Data Field: Blood Pressure Systolic|Data Field: Heart Rate
 0x4b9 Data Field: Resting Heart Rate|Data Field: Heartbeat Interval|Data Field: Respiratory Rate|Data Field: SpO2
 0x4bd Data Field: Human Attention Detected|Data Field: Human Head Azimuth|Data Field: Human Head Altitude
 0x4c0 Data Field: Human Head Roll|Data Field: Human Head Pitch|Data Field: Human Head Yaw
 0x4c3 Data Field: Human Correlation ID
 0x4d0 Data Field: Light|Data Field: Illuminance|Data Field: Color Temperature|Data Field: Chromaticity
 0x4d4 Data Field: Chromaticity X|Data Field: Chromaticity Y|Data Field: Consumer IR Sentence Receive
 0x4d7 Data Field: Infrared Light|Data Field: Red Light|Data Field: Green Light|Data Field: Blue Light
 0x4db Data Field: Ultraviolet A Light|Data Field: Ultraviolet B Light|Data Field: Ultraviolet Index
 0x4de Data Field: Near Infrared Light|Property: Light|Property: Consumer IR Sentence Send
 0x4e2 Property: Auto Brightness Preferred|Property: Auto Color Preferred
 0x4f0 Data Field: Scanner|Data Field: RFID Tag 40 Bit|Data Field: NFC Sentence Receive
 0x4f8 Property: Scanner|Property: NFC Sentence Send
 0x500 Data Field: Electrical|Data Field: Capacitance|Data Field: Current|Data Field: Electrical Power
 0x504 Data Field: Inductance|Data Field: Resistance|Data Field: Voltage|Data Field: Frequency|Data Field: Period
 0x509 Data Field: Percent of Range
 0x520 Data Field: Time|Data Field: Year|Data Field: Month|Data Field: Day|Data Field: Day of Week|Data Field: Hour
 0x526 Data Field: Minute|Data Field: Second|Data Field: Millisecond|Data Field: Timestamp
 0x52a Data Field: Julian Day of Year|Data Field: Time Since System Boot
 0x530 Property: Time|Property: Time Zone Offset from UTC|Property: Time Zone Name
 0x533 Property: Daylight Savings Time Observed|Property: Time Trim Adjustment|Property: Arm Alarm
 0x540 Data Field: Custom|Data Field: Custom Usage|Data Field: Custom Boolean Array|Data Field: Custom Value
 0x544 Data Field: Custom Value 1|Data Field: Custom Value 2|Data Field: Custom Value 3|Data Field: Custom Value 4
 0x548 Data Field: Custom Value 5|Data Field: Custom Value 6|Data Field: Custom Value 7|Data Field: Custom Value 8
 0x54c Data Field: Custom Value 9|Data Field: Custom Value 10|Data Field: Custom Value 11|Data Field: Custom Value 12
 0x550 Data Field: Custom Value 13|Data Field: Custom Value 14|Data Field: Custom Value 15|Data Field: Custom Value 16
 0x554 Data Field: Custom Value 17|Data Field: Custom Value 18|Data Field: Custom Value 19|Data Field: Custom Value 20
 0x558 Data Field: Custom Value 21|Data Field: Custom Value 22|Data Field: Custom Value 23|Data Field: Custom Value 24
 0x55c Data Field: Custom Value 25|Data Field: Custom Value 26|Data Field: Custom Value 27|Data Field: Custom Value 28
 0x560 Data Field: Generic|Data Field: Generic GUID or PROPERTYKEY|Data Field: Generic Category GUID
 0x563 Data Field: Generic Type GUID|Data Field: Generic Event PROPERTYKEY|Data Field: Generic Property PROPERTYKEY
 0x566 Data Field: Generic Data Field PROPERTYKEY|Data Field: Generic Event|Data Field: Generic Property
 0x569 Data Field: Generic Data Field|Data Field: Enumerator Table Row Index|Data Field: Enumerator Table Row Count
 0x56c Data Field: Generic GUID or PROPERTYKEY kind|Data Field: Generic GUID|Data Field: Generic PROPERTYKEY
 0x56f Data Field: Generic Top Level Collection ID|Data Field: Generic Report ID
 0x571 Data Field: Generic Report Item Position Index|Data Field: Generic Firmware VARTYPE
 0x573 Data Field: Generic Unit of Measure|Data Field: Generic Unit Exponent|Data Field: Generic Report Size
 0x576 Data Field: Generic Report Count
 0x580 Property: Generic|Property: Enumerator Table Row Index|Property: Enumerator Table Row Count
 0x590 Data Field: Personal Activity|Data Field: Activity Type|Data Field: Activity State|Data Field: Device Position
 0x594 Data Field: Step Count|Data Field: Step Count Reset|Data Field: Step Duration|Data Field: Step Type
 0x5a0 Property: Minimum Activity Detection Interval|Property: Supported Activity Types
 0x5a2 Property: Subscribed Activity Types|Property: Supported Step Types|Property: Subscribed Step Types
 0x5a5 Property: Floor Height
 0x5b0 Data Field: Custom Type ID
 0x5c0 Property: Custom|Property: Custom Value 1|Property: Custom Value 2|Property: Custom Value 3
 0x5c4 Property: Custom Value 4|Property: Custom Value 5|Property: Custom Value 6|Property: Custom Value 7
 0x5c8 Property: Custom Value 8|Property: Custom Value 9|Property: Custom Value 10|Property: Custom Value 11
 0x5cc Property: Custom Value 12|Property: Custom Value 13|Property: Custom Value 14|Property: Custom Value 15
 0x5d0 Property: Custom Value 16
 0x5e0 Data Field: Hinge|Data Field: Hinge Angle
 0x5f0 Data Field: Gesture Sensor|Data Field: Gesture State|Data Field: Hinge Fold Initial Angle
 0x5f3 Data Field: Hinge Fold Final Angle|Data Field: Hinge Fold Contributing Panel|Data Field: Hinge Fold Type
 0x800 Sensor State: Undefined|Sensor State: Ready|Sensor State: Not Available|Sensor State: No Data
 0x804 Sensor State: Initializing|Sensor State: Access Denied|Sensor State: Error
 0x810 Sensor Event: Unknown|Sensor Event: State Changed|Sensor Event: Property Changed|Sensor Event: Data Updated
 0x814 Sensor Event: Poll Response|Sensor Event: Change Sensitivity|Sensor Event: Range Maximum Reached
 0x817 Sensor Event: Range Minimum Reached|Sensor Event: High Threshold Cross Upward
 0x819 Sensor Event: High Threshold Cross Downward|Sensor Event: Low Threshold Cross Upward
 0x81b Sensor Event: Low Threshold Cross Downward|Sensor Event: Zero Threshold Cross Upward
 0x81d Sensor Event: Zero Threshold Cross Downward|Sensor Event: Period Exceeded|Sensor Event: Frequency Exceeded
 0x820 Sensor Event: Complex Trigger
 0x830 Connection Type: PC Integrated|Connection Type: PC Attached|Connection Type: PC External
 0x840 Reporting State: Report No Events|Reporting State: Report All Events|Reporting State: Report Threshold Events
 0x843 Reporting State: Wake On No Events|Reporting State: Wake On All Events
 0x845 Reporting State: Wake On Threshold Events|Reporting State: Anytime
 0x850 Power State: Undefined|Power State: D0 Full Power|Power State: D1 Low Power
 0x853 Power State: D2 Standby Power with Wakeup|Power State: D3 Sleep with Wakeup|Power State: D4 Power Off
 0x860 Accuracy: Default|Accuracy: High|Accuracy: Medium|Accuracy: Low
 0x870 Fix Quality: No Fix|Fix Quality: GPS|Fix Quality: DGPS
 0x880 Fix Type: No Fix|Fix Type: GPS SPS Mode, Fix Valid|Fix Type: DGPS SPS Mode, Fix Valid
 0x883 Fix Type: GPS PPS Mode, Fix Valid|Fix Type: Real Time Kinematic|Fix Type: Float RTK
 0x886 Fix Type: Estimated (dead reckoned)|Fix Type: Manual Input Mode|Fix Type: Simulator Mode
 0x890 GPS Operation Mode: Manual|GPS Operation Mode: Automatic
 0x8a0 GPS Selection Mode: Autonomous|GPS Selection Mode: DGPS|GPS Selection Mode: Estimated (dead reckoned)
 0x8a3 GPS Selection Mode: Manual Input|GPS Selection Mode: Simulator|GPS Selection Mode: Data Not Valid
 0x8b0 GPS Status Data: Valid|GPS Status Data: Not Valid
 0x8c0 Day of Week: Sunday|Day of Week: Monday|Day of Week: Tuesday|Day of Week: Wednesday|Day of Week: Thursday
 0x8c5 Day of Week: Friday|Day of Week: Saturday
 0x8d0 Kind: Category|Kind: Type|Kind: Event|Kind: Property|Kind: Data Field
 0x8e0 Magnetometer Accuracy: Low|Magnetometer Accuracy: Medium|Magnetometer Accuracy: High
 0x8f0 Simple Orientation Direction: Not Rotated|Simple Orientation Direction: Rotated 90 Degrees CCW
 0x8f2 Simple Orientation Direction: Rotated 180 Degrees CCW|Simple Orientation Direction: Rotated 270 Degrees CCW
 0x8f4 Simple Orientation Direction: Face Up|Simple Orientation Direction: Face Down
 0x900 VT_NULL|VT_BOOL|VT_UI1|VT_I1|VT_UI2|VT_I2|VT_UI4|VT_I4|VT_UI8|VT_I8|VT_R4|VT_R8|VT_WSTR|VT_STR|VT_CLSID
 0x90f VT_VECTOR VT_UI1|VT_F16E0|VT_F16E1|VT_F16E2|VT_F16E3|VT_F16E4|VT_F16E5|VT_F16E6|VT_F16E7|VT_F16E8|VT_F16E9
 0x91a VT_F16EA|VT_F16EB|VT_F16EC|VT_F16ED|VT_F16EE|VT_F16EF|VT_F32E0|VT_F32E1|VT_F32E2|VT_F32E3|VT_F32E4|VT_F32E5
 0x926 VT_F32E6|VT_F32E7|VT_F32E8|VT_F32E9|VT_F32EA|VT_F32EB|VT_F32EC|VT_F32ED|VT_F32EE|VT_F32EF
 0x930 Activity Type: Unknown|Activity Type: Stationary|Activity Type: Fidgeting|Activity Type: Walking
 0x934 Activity Type: Running|Activity Type: In Vehicle|Activity Type: Biking|Activity Type: Idle
 0x940 Unit: Not Specified|Unit: Lux|Unit: Degrees Kelvin|Unit: Degrees Celsius|Unit: Pascal|Unit: Newton
 0x946 Unit: Meters/Second|Unit: Kilogram|Unit: Meter|Unit: Meters/Second/Second|Unit: Farad|Unit: Ampere|Unit: Watt
 0x94d Unit: Henry|Unit: Ohm|Unit: Volt|Unit: Hertz|Unit: Bar|Unit: Degrees Anti-clockwise|Unit: Degrees Clockwise
 0x954 Unit: Degrees|Unit: Degrees/Second|Unit: Degrees/Second/Second|Unit: Knot|Unit: Percent|Unit: Second
 0x95a Unit: Millisecond|Unit: G|Unit: Bytes|Unit: Milligauss|Unit: Bits
 0x960 Activity State: No State Change|Activity State: Start Activity|Activity State: End Activity
 0x970 Exponent 0|Exponent 1|Exponent 2|Exponent 3|Exponent 4|Exponent 5|Exponent 6|Exponent 7|Exponent 8|Exponent 9
 0x97a Exponent A|Exponent B|Exponent C|Exponent D|Exponent E|Exponent F|Device Position: Unknown
 0x981 Device Position: Unchanged|Device Position: On Desk|Device Position: In Hand|Device Position: Moving in Bag
 0x985 Device Position: Stationary in Bag
 0x990 Step Type: Unknown|Step Type: Walking|Step Type: Running
 0x9a0 Gesture State: Unknown|Gesture State: Started|Gesture State: Completed|Gesture State: Cancelled
 0x9b0 Hinge Fold Contributing Panel: Unknown|Hinge Fold Contributing Panel: Panel 1
 0x9b2 Hinge Fold Contributing Panel: Panel 2|Hinge Fold Contributing Panel: Both|Hinge Fold Type: Unknown
 0x9b5 Hinge Fold Type: Increasing|Hinge Fold Type: Decreasing
 0x9c0 Human Presence Detection Type: Vendor-Defined Non-Biometric
 0x9c1 Human Presence Detection Type: Vendor-Defined Biometric|Human Presence Detection Type: Facial Biometric
 0x9c3 Human Presence Detection Type: Audio Biometric
 0x1000 Modifier: Change Sensitivity Absolute
 0x2000 Modifier: Maximum
 0x3000 Modifier: Minimum
 0x4000 Modifier: Accuracy
 0x5000 Modifier: Resolution
 0x6000 Modifier: Threshold High
 0x7000 Modifier: Threshold Low
 0x8000 Modifier: Calibration Offset
 0x9000 Modifier: Calibration Multiplier
 0xa000 Modifier: Report Interval
 0xb000 Modifier: Frequency Max
 0xc000 Modifier: Period Max
 0xd000 Modifier: Change Sensitivity Percent of Range
 0xe000 Modifier: Change Sensitivity Percent Relative
 0xf000 Modifier: Vendor Reserved
0x40 Medical Instrument
 0x01 Medical Ultrasound
 0x20 VCR/Acquisition|Freeze/Thaw|Clip Store|Update|Next|Save|Print|Microphone Enable
 0x40 Cine|Transmit Power|Volume|Focus|Depth
 0x60 Soft Step - Primary|Soft Step - Secondary
 0x70 Depth Gain Compensation
 0x80 Zoom Select|Zoom Adjust|Spectral Doppler Mode Select|Spectral Doppler Adjust|Color Doppler Mode Select
 0x85 Color Doppler Adjust|Motion Mode Select|Motion Mode Adjust|2-D Mode Select|2-D Mode Adjust
 0xa0 Soft Control Select|Soft Control Adjust
0x41 Braille Display
 0x01 Braille Display|Braille Row|8 Dot Braille Cell|6 Dot Braille Cell|Number of Braille Cells|Screen Reader Control
 0x07 Screen Reader Identifier
 0xfa Router Set 1|Router Set 2|Router Set 3
 0x100 Router Key|Row Router Key
 0x200 Braille Buttons|Braille Keyboard Dot 1|Braille Keyboard Dot 2|Braille Keyboard Dot 3|Braille Keyboard Dot 4
 0x205 Braille Keyboard Dot 5|Braille Keyboard Dot 6|Braille Keyboard Dot 7|Braille Keyboard Dot 8
 0x209 Braille Keyboard Space|Braille Keyboard Left Space|Braille Keyboard Right Space|Braille Face Controls
 0x20d Braille Left Controls|Braille Right Controls|Braille Top Controls|Braille Joystick Center|Braille Joystick Up
 0x212 Braille Joystick Down|Braille Joystick Left|Braille Joystick Right|Braille D-Pad Center|Braille D-Pad Up
 0x217 Braille D-Pad Down|Braille D-Pad Left|Braille D-Pad Right|Braille Pan Left|Braille Pan Right|Braille Rocker Up
 0x21d Braille Rocker Down|Braille Rocker Press
0x59 Lighting And Illumination
 0x01 LampArray|LampArrayAttributesReport|LampCount|BoundingBoxWidthInMicrometers|BoundingBoxHeightInMicrometers
 0x06 BoundingBoxDepthInMicrometers|LampArrayKind|MinUpdateIntervalInMicroseconds
 0x20 LampAttributesRequestReport|LampId|LampAttributesResponseReport|PositionXInMicrometers|PositionYInMicrometers
 0x25 PositionZInMicrometers|LampPurposes|UpdateLatencyInMicroseconds|RedLevelCount|GreenLevelCount|BlueLevelCount
 0x2b IntensityLevelCount|IsProgrammable|InputBinding
 0x50 LampMultiUpdateReport|RedUpdateChannel|GreenUpdateChannel|BlueUpdateChannel|IntensityUpdateChannel
 0x55 LampUpdateFlags
 0x60 LampRangeUpdateReport|LampIdStart|LampIdEnd
 0x70 LampArrayControlReport|AutonomousMode
0x80 Monitor
 0x01 Monitor Control|EDID Information|VDIF Information|VESA Version
0x81 Monitor Enumerated
 0x01.. Enum
0x82 VESA Virtual Controls
 0x01 Degauss
 0x10 Brightness
 0x12 Contrast
 0x16 Red Video Gain
 0x18 Green Video Gain
 0x1a Blue Video Gain
 0x1c Focus
 0x20 Horizontal Position
 0x22 Horizontal Size
 0x24 Horizontal Pincushion
 0x26 Horizontal Pincushion Balance
 0x28 Horizontal Misconvergence
 0x2a Horizontal Linearity
 0x2c Horizontal Linearity Balance
 0x30 Vertical Position
 0x32 Vertical Size
 0x34 Vertical Pincushion
 0x36 Vertical Pincushion Balance
 0x38 Vertical Misconvergence
 0x3a Vertical Linearity
 0x3c Vertical Linearity Balance
 0x40 Parallelogram Distortion (Key Balance)
 0x42 Trapezoidal Distortion (Key)
 0x44 Tilt (Rotation)
 0x46 Top Corner Distortion Control
 0x48 Top Corner Distortion Balance
 0x4a Bottom Corner Distortion Control
 0x4c Bottom Corner Distortion Balance
 0x56 Horizontal Moiré
 0x58 Vertical Moiré
 0x5e Input Level Select
 0x60 Input Source Select
 0x6c Red Video Black Level
 0x6e Green Video Black Level
 0x70 Blue Video Black Level
 0xa2 Auto Size Center
 0xa4 Polarity Horizontal Synchronization
 0xa6 Polarity Vertical Synchronization
 0xa8 Synchronization Type
 0xaa Screen Orientation
 0xac Horizontal Frequency
 0xae Vertical Frequency
 0xb0 Settings
 0xca On Screen Display
 0xd4 Stereo Mode
0x84 Power
 0x01 iName|Present Status|Changed Status|UPS|Power Supply
 0x10 Battery System|Battery System ID|Battery|Battery ID|Charger|Charger ID|Power Converter|Power Converter ID
 0x18 Outlet System|Outlet System ID|Input|Input ID|Output|Output ID|Flow|Flow ID|Outlet|Outlet ID|Gang|Gang ID
 0x24 Power Summary|Power Summary ID
 0x30 Voltage|Current|Frequency|Apparent Power|Active Power|Percent Load|Temperature|Humidity|Bad Count
 0x40 Config Voltage|Config Current|Config Frequency|Config Apparent Power|Config Active Power|Config Percent Load
 0x46 Config Temperature|Config Humidity
 0x50 Switch On Control|Switch Off Control|Toggle Control|Low Voltage Transfer|High Voltage Transfer
 0x55 Delay Before Reboot|Delay Before Startup|Delay Before Shutdown|Test|Module Reset|Audible Alarm Control
 0x60 Present|Good|Internal Failure|Voltage Out Of Range|Frequency Out Of Range|Overload|Over Charged|Over Temperature
 0x68 Shutdown Requested|Shutdown Imminent
 0x6b Switch On/Off|Switchable|Used|Boost|Buck|Initialized|Tested|Awaiting Power|Communication Lost
 0xfd iManufacturer|iProduct|iSerialNumber
0x85 Battery System
 0x01 Smart Battery Battery Mode|Smart Battery Battery Status|Smart Battery Alarm Warning|Smart Battery Charger Mode
 0x05 Smart Battery Charger Status|Smart Battery Charger Spec Info|Smart Battery Selector State
 0x08 Smart Battery Selector Presets|Smart Battery Selector Info
 0x10 Optional Mfg Function 1|Optional Mfg Function 2|Optional Mfg Function 3|Optional Mfg Function 4
 0x14 Optional Mfg Function 5|Connection To SM Bus|Output Connection|Charger Connection|Battery Insertion|Use Next
 0x1a OK To Use|Battery Supported|Selector Revision|Charging Indicator
 0x28 Manufacturer Access|Remaining Capacity Limit|Remaining Time Limit|At Rate|Capacity Mode|Broadcast To Charger
 0x2e Primary Battery|Charge Controller
 0x40 Terminate Charge|Terminate Discharge|Below Remaining Capacity Limit|Remaining Time Limit Expired|Charging
 0x45 Discharging|Fully Charged|Fully Discharged|Conditioning Flag|At Rate OK|Smart Battery Error Code
 0x4b Need Replacement
 0x60 At Rate Time To Full|At Rate Time To Empty|Average Current|Max Error|Relative State Of Charge
 0x65 Absolute State Of Charge|Remaining Capacity|Full Charge Capacity|Run Time To Empty|Average Time To Empty
 0x6a Average Time To Full|Cycle Count
 0x80 Battery Pack Model Level|Internal Charge Controller|Primary Battery Support|Design Capacity|Specification Info
 0x85 Manufacture Date|Serial Number|iManufacturer Name|iDevice Name|iDevice Chemistry|Manufacturer Data|Rechargeable
 0x8c Warning Capacity Limit|Capacity Granularity 1|Capacity Granularity 2|iOEM Information
 0xc0 Inhibit Charge|Enable Polling|Reset To Zero
 0xd0 AC Present|Battery Present|Power Fail|Alarm Inhibited|Thermistor Under Range|Thermistor Hot|Thermistor Cold
 0xd7 Thermistor Over Range|Voltage Out Of Range|Current Out Of Range|Current Not Regulated|Voltage Not Regulated
 0xdc Master Mode
 0xf0 Charger Selector Support|Charger Spec|Level 2|Level 3
0x8c Barcode Scanner
 0x01 Barcode Badge Reader|Barcode Scanner|Dumb Bar Code Scanner|Cordless Scanner Base|Bar Code Scanner Cradle
 0x10 Attribute Report|Settings Report|Scanned Data Report|Raw Scanned Data Report|Trigger Report|Status Report
 0x16 UPC/EAN Control Report|EAN 2/3 Label Control Report|Code 39 Control Report|Interleaved 2 of 5 Control Report
 0x1a Standard 2 of 5 Control Report|MSI Plessey Control Report|Codabar Control Report|Code 128 Control Report
 0x1e Misc 1D Control Report|2D Control Report
 0x30 Aiming/Pointer Mode|Bar Code Present Sensor|Class 1A Laser|Class 2 Laser|Heater Present|Contact Scanner
 0x36 Electronic Article Surveillance Notification|Constant Electronic Article Surveillance|Error Indication
 0x39 Fixed Beeper|Good Decode Indication|Hands Free Scanning|Intrinsically Safe|Klasse Eins Laser|Long Range Scanner
 0x3f Mirror Speed Control|Not On File Indication|Programmable Beeper|Triggerless|Wand|Water Resistant
 0x45 Multi-Range Scanner|Proximity Sensor
 0x4d Fragment Decoding|Scanner Read Confidence|Data Prefix|Prefix AIMI|Prefix None|Prefix Proprietary
 0x55 Active Time|Aiming Laser Pattern|Bar Code Present|Beeper State|Laser On Time|Laser State|Lockout Time
 0x5c Motor State|Motor Timeout|Power On Reset Scanner|Prevent Read of Barcodes|Initiate Barcode Read|Trigger State
 0x62 Trigger Mode|Trigger Mode Blinking Laser On|Trigger Mode Continuous Laser On|Trigger Mode Laser on while Pulled
 0x66 Trigger Mode Laser stays on after release
 0x6d Commit Parameters to NVM|Parameter Scanning|Parameters Changed|Set parameter default values
 0x75 Scanner In Cradle|Scanner In Range
 0x7a Aim Duration|Good Read Lamp Duration|Good Read Lamp Intensity|Good Read LED|Good Read Tone Frequency
 0x7f Good Read Tone Length|Good Read Tone Volume
 0x82 No Read Message|Not on File Volume|Powerup Beep|Sound Error Beep|Sound Good Read Beep|Sound Not On File Beep
 0x88 Good Read When to Write|GRWTI After Decode|GRWTI Beep/Lamp after transmit|GRWTI No Beep/Lamp use at all
 0x91 Bookland EAN|Convert EAN 8 to 13 Type|Convert UPC A to EAN-13|Convert UPC-E to A|EAN-13|EAN-8
 0x97 EAN-99 128 Mandatory|EAN-99 P5/128 Optional|Enable EAN Two Label|UPC/EAN|UPC/EAN Coupon Code|UPC/EAN Periodicals
 0x9d UPC-A|UPC-A with 128 Mandatory|UPC-A with 128 Optional|UPC-A with P5 Optional|UPC-E|UPC-E1
 0xa9 Periodical|Periodical Auto-Discriminate +2|Periodical Only Decode with +2|Periodical Ignore +2
 0xad Periodical Auto-Discriminate +5|Periodical Only Decode with +5|Periodical Ignore +5|Check|Check Disable Price
 0xb2 Check Enable 4 digit Price|Check Enable 5 digit Price|Check Enable European 4 digit Price
 0xb5 Check Enable European 5 digit Price
 0xb7 EAN Two Label|EAN Three Label|EAN 8 Flag Digit 1|EAN 8 Flag Digit 2|EAN 8 Flag Digit 3|EAN 13 Flag Digit 1
 0xbd EAN 13 Flag Digit 2|EAN 13 Flag Digit 3|Add EAN 2/3 Label Definition|Clear all EAN 2/3 Label Definitions
 0xc3 Codabar|Code 128
 0xc7 Code 39|Code 93|Full ASCII Conversion|Interleaved 2 of 5|Italian Pharmacy Code|MSI/Plessey|Standard 2 of 5 IATA
 0xce Standard 2 of 5
 0xd3 Transmit Start/Stop|Tri-Optic|UCC/EAN-128|Check Digit|Check Digit Disable
 0xd8 Check Digit Enable Interleaved 2 of 5 OPCC|Check Digit Enable Interleaved 2 of 5 USS
 0xda Check Digit Enable Standard 2 of 5 OPCC|Check Digit Enable Standard 2 of 5 USS
 0xdc Check Digit Enable One MSI Plessey|Check Digit Enable Two MSI Plessey|Check Digit Codabar Enable
 0xdf Check Digit Code 39 Enable
 0xf0 Transmit Check Digit|Disable Check Digit Transmit|Enable Check Digit Transmit
 0xfb Symbology Identifier 1|Symbology Identifier 2|Symbology Identifier 3|Decoded Data|Decode Data Continued
 0x100 Bar Space Data|Scanner Data Accuracy|Raw Data Polarity|Polarity Inverted Bar Code|Polarity Normal Bar Code
 0x106 Minimum Length to Decode|Maximum Length to Decode|Discrete Length to Decode 1|Discrete Length to Decode 2
 0x10a Data Length Method|DL Method Read any|DL Method Check in Range|DL Method Check for Discrete
 0x110 Aztec Code|BC412|Channel Code|Code 16|Code 32|Code 49|Code One|Colorcode|Data Matrix|MaxiCode|MicroPDF|PDF-417
 0x11c PosiCode|QR Code|SuperCode|UltraCode|USD-5 (Slug Code)|VeriCode
0x8d Scales
 0x01 Scales
 0x20 Scale Device|Scale Class|Scale Class I Metric|Scale Class II Metric|Scale Class III Metric
 0x25 Scale Class IIIL Metric|Scale Class IV Metric|Scale Class III English|Scale Class IIIL English
 0x29 Scale Class IV English|Scale Class Generic
 0x30 Scale Attribute Report|Scale Control Report|Scale Data Report|Scale Status Report|Scale Weight Limit Report
 0x35 Scale Statistics Report
 0x40 Data Weight|Data Scaling
 0x50 Weight Unit|Weight Unit Milligram|Weight Unit Gram|Weight Unit Kilogram|Weight Unit Carats|Weight Unit Taels
 0x56 Weight Unit Grains|Weight Unit Pennyweights|Weight Unit Metric Ton|Weight Unit Avoir Ton|Weight Unit Troy Ounce
 0x5b Weight Unit Ounce|Weight Unit Pound
 0x60 Calibration Count|Re-Zero Count
 0x70 Scale Status|Scale Status Fault|Scale Status Stable at Center of Zero|Scale Status In Motion
 0x74 Scale Status Weight Stable|Scale Status Under Zero|Scale Status Over Weight Limit
 0x77 Scale Status Requires Calibration|Scale Status Requires Rezeroing
 0x80 Zero Scale|Enforced Zero Return
0x8e Magnetic Stripe Reader
 0x01 MSR Device Read-Only
 0x11 Track 1 Length|Track 2 Length|Track 3 Length|Track JIS Length
 0x20 Track Data|Track 1 Data|Track 2 Data|Track 3 Data|Track JIS Data
0x90 Camera Control
 0x20 Camera Auto-focus|Camera Shutter
0x91 Arcade
 0x01 General Purpose IO Card|Coin Door|Watchdog Timer
 0x30 General Purpose Analog Input State|General Purpose Digital Input State|General Purpose Optical Input State
 0x33 General Purpose Digital Output State|Number of Coin Doors|Coin Drawer Drop Count|Coin Drawer Start
 0x37 Coin Drawer Service|Coin Drawer Tilt|Coin Door Test
 0x40 Coin Door Lockout|Watchdog Timeout|Watchdog Action|Watchdog Reboot|Watchdog Restart|Alarm Input
 0x46 Coin Door Counter|I/O Direction Mapping|Set I/O Direction Mapping|Extended Optical Input State
 0x4a Pin Pad Input State|Pin Pad Status|Pin Pad Output|Pin Pad Command
0xf1d0 FIDO Alliance
 0x01 U2F Authenticator Device
 0x20 Input Report Data|Output Report Data
`;
