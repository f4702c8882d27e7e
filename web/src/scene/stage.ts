import {
  ACESFilmicToneMapping, Color, DirectionalLight, HemisphereLight, PerspectiveCamera, PMREMGenerator, Scene, SRGBColorSpace, Vector3, WebGLRenderer,
} from 'three';
import { RoomEnvironment } from 'three/examples/jsm/environments/RoomEnvironment.js';
import { OrbitControls } from 'three/examples/jsm/controls/OrbitControls.js';

/** The room: a camera at eye level, a key light, a cool rim, and a soft room around. */
export class Stage {
  readonly scene = new Scene();
  readonly camera = new PerspectiveCamera(24, 1, 0.01, 50);
  readonly renderer: WebGLRenderer;
  private readonly controls: OrbitControls;

  constructor(readonly canvas: HTMLCanvasElement) {
    this.renderer = new WebGLRenderer({ canvas, antialias: true, alpha: true, powerPreference: 'high-performance' });
    this.renderer.outputColorSpace = SRGBColorSpace;
    this.renderer.toneMapping = ACESFilmicToneMapping;
    this.renderer.toneMappingExposure = 0.92;
    this.renderer.setPixelRatio(Math.min(devicePixelRatio, 2));
    this.controls = new OrbitControls(this.camera, canvas);
    Object.assign(this.controls, { enablePan: false, minPolarAngle: 0.9, maxPolarAngle: 2.0, rotateSpeed: 0.6 });
    // The controls forbid it, and a phone's page could not be scrolled by its largest part.
    canvas.style.touchAction = 'pan-y';
    this.light();
    new ResizeObserver(() => this.fit()).observe(canvas.parentElement!);
    this.fit();
  }

  /** The soft room. It is drawn from all sides, which takes longer than the head: whoever waits for a face is shown one first. */
  soften(): void {
    const room = new PMREMGenerator(this.renderer);
    this.scene.environment = room.fromScene(new RoomEnvironment(), 0.04).texture;
    this.scene.environmentIntensity = 0.42;
    room.dispose();
  }

  private light(): void {
    this.scene.add(new HemisphereLight(new Color(0xfff4ea), new Color(0x6b5048), 0.55));
    const lamp = (colour: number, power: number, x: number, y: number, z: number): void => {
      const light = new DirectionalLight(new Color(colour), power);
      light.position.set(x, y, z);
      this.scene.add(light);
    };
    lamp(0xffead8, 2.1, 0.9, 1.1, 1.6);
    lamp(0xdfe8ff, 0.7, -1.6, 0.3, 1.2);
    lamp(0xbcd2ff, 1.5, -1.2, 1.0, -1.5);
    lamp(0xffd9b8, 1.1, 1.6, 0.6, -1.2);
  }

  /** Looks at `focus` from the front, so that `height` fills the picture's height. */
  frame(focus: Vector3, height: number): void {
    const away = (height * 0.5) / Math.tan((this.camera.fov * Math.PI) / 360);
    this.camera.position.set(focus.x, focus.y, focus.z + away);
    Object.assign(this.controls, { minDistance: away * 0.35, maxDistance: away * 2 });
    Object.assign(this.camera, { near: away / 50, far: away * 10 });
    this.camera.updateProjectionMatrix();
    this.controls.target.copy(focus);
    this.controls.update();
  }

  draw(): void {
    this.renderer.render(this.scene, this.camera);
  }

  private fit(): void {
    const { clientWidth: width, clientHeight: height } = this.canvas.parentElement!;
    if (!width || !height) return;
    this.renderer.setSize(width, height, false);
    this.camera.aspect = width / height;
    // A narrow phone must not cut the ears off.
    this.camera.zoom = Math.min(1, this.camera.aspect / 0.82);
    this.camera.updateProjectionMatrix();
  }
}
