import type { Pose } from '../face/idle';
import { Puppet } from './puppet';
import { Stage } from './stage';

/** The stage with one head on it. */
export class View {
  private readonly stage: Stage;
  private soft = false;
  puppet: Puppet | null = null;

  constructor(canvas: HTMLCanvasElement) {
    this.stage = new Stage(canvas);
  }

  /** Puts `puppet` on the stage in place of whoever is there. */
  wear(puppet: Puppet): void {
    if (this.puppet) {
      this.stage.scene.remove(this.puppet.object);
      this.puppet.dispose();
    }
    this.puppet = puppet;
    this.stage.scene.add(puppet.object);
    const { focus, height } = puppet.view();
    this.stage.frame(focus, height);
    puppet.refine(() => new Promise((done) => setTimeout(done, 30))).catch(console.error);
  }

  draw(weights: Float32Array, pose: Pose): void {
    this.puppet?.apply(weights);
    this.puppet?.hold(pose);
    this.stage.draw();
    if (this.puppet && !this.soft) {
      this.soft = true;
      setTimeout(() => this.stage.soften());
    }
  }
}
